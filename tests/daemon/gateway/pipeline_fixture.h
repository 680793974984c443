// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <gtest/gtest.h>

#include <spdlog/sinks/ostream_sink.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "daemon/gateway/event_log.h"
#include "daemon/gateway/pipeline.h"
#include "tests/support/fake_ruleset.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {

using testing::Bytes;
using testing::FakeRuleset;

inline constexpr std::uint16_t kSignalling = 200;
inline constexpr std::uint16_t kAdmit = 210;

/// Collects verdicts, and how many commits the kernel had seen when each came.
class RecordingSink final : public VerdictSink {
   public:
    explicit RecordingSink(const FakeRuleset& kernel) : kernel_(kernel) {}
    void add(const Verdict& verdict) noexcept override {
        verdicts.push_back(verdict);
        commits_before.push_back(kernel_.commits);
        open_before.push_back(kernel_.count(nft::SetId::pinholes4));
    }

    std::vector<Verdict> verdicts;
    std::vector<std::size_t> commits_before;
    std::vector<std::size_t> open_before;

   private:
    const FakeRuleset& kernel_;
};

[[nodiscard]] inline std::string sip(const std::string& first_line, const std::string& cseq, const std::string& to_tag,
                                     const std::string& media_host) {
    std::string body;
    if (!media_host.empty()) {
        body = "v=0\r\no=- 1 1 IN IP4 " + media_host + "\r\ns=-\r\nc=IN IP4 " + media_host +
               "\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n";
    }
    return first_line + "\r\nVia: SIP/2.0/UDP 10.1.2.3:5060;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=a\r\nTo: <sip:b@x>" +
           (to_tag.empty() ? "" : ";tag=" + to_tag) + "\r\nCall-ID: c1\r\nCSeq: " + cseq +
           (body.empty() ? "" : "\r\nContent-Type: application/sdp") +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Packets in, verdicts and the kernel's sets out: a pipeline with all that it joins, on a kernel in memory.
class PipelineTest : public ::testing::Test {
   protected:
    PipelineTest() { options_.fallback = Verdict::Action::accept; }

    [[nodiscard]] static alg::Policy policy() {
        alg::Policy policy;
        policy.inside.add(*alg::Prefix::parse("10.1.2.0/24"));
        return policy;
    }
    [[nodiscard]] static Log make_log(std::ostringstream& out) {
        return {LogLevel::info, LogFormat::people, std::make_shared<spdlog::sinks::ostream_sink_st>(out)};
    }

    void queue(const std::string& text, bool from_inside, std::uint32_t mark = 0) {
        const auto inside = testing::endpoint("10.1.2.3", 5060);
        const auto outside = testing::endpoint("203.0.113.9", 5060);
        packets_.push_back(testing::udp_packet(from_inside ? inside : outside, from_inside ? outside : inside, text));
        QueuedPacket packet;
        packet.queue = kSignalling;
        packet.id = static_cast<std::uint32_t>(packets_.size());
        packet.mark = mark;
        queued_.push_back(packet);
    }
    std::optional<nft::NftError> run() {
        for (std::size_t i = 0; i < queued_.size(); ++i) queued_[i].payload = packets_[i];
        auto error = pipeline_.on_batch(queued_, sink_, alg::TimePoint(std::chrono::seconds(1)));
        queued_.clear();
        packets_.clear();
        return error;
    }
    void establish() {
        queue(sip("INVITE sip:b@x SIP/2.0", "1 INVITE", "", "10.1.2.3"), true);
        queue(sip("SIP/2.0 200 OK", "1 INVITE", "b", "203.0.113.9"), false);
    }

    std::ostringstream text_;
    Log log_ = make_log(text_);
    FakeRuleset kernel_;
    nft::Schema schema_{std::move(*nft::NetlinkSocket::open()), {}};
    nft::Conntrack conntrack_{std::move(*nft::NetlinkSocket::open())};
    alg::Engine engine_{policy(), alg::Limits{}, {1, 2}};
    // Conntrack entries belong to the lab's tests, where there is a kernel.
    PinholeSync sync_{kernel_, schema_, conntrack_, {{}, false, {}, {}, {}}};
    EventLog events_{log_};
    Pipeline::Options options_{{}, kAdmit, Verdict::Action::accept};
    Pipeline pipeline_{engine_, sync_, events_, options_};
    RecordingSink sink_{kernel_};
    std::vector<Bytes> packets_;
    std::vector<QueuedPacket> queued_;
};

}  // namespace messenger::daemon
