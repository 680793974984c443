// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "alg/call/dialog.h"
#include "alg/engine.h"
#include "daemon/journal/call_journal.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {

/// An engine that is given messages, and a journal that is told what comes of them.
class JournalFixture : public ::testing::Test {
   protected:
    static constexpr std::size_t kRecent = 5;
    static constexpr std::size_t kBytes = 300'000;

    class CountingListener final : public PinholeListener {
       public:
        void on_open(CallRecord& /*call*/, std::size_t /*number*/) override { ++open; }
        void on_close(CallRecord& /*call*/, std::size_t /*number*/) override { --open; }
        void forget(CallRecord& /*call*/) override { ++forgotten; }
        int open = 0;
        int forgotten = 0;
    };

    /// media_port: of the sender's SDP; 0 is a message without one.
    void message(const std::string& first_line, const std::string& cseq, const std::string& call_id,
                 const std::string& to_tag, std::uint16_t media_port, bool from_inside) {
        const auto inside = testing::endpoint("10.1.2.3", 5060);
        const auto outside = testing::endpoint("203.0.113.9", 5060);
        const std::string host = from_inside ? "10.1.2.3" : "203.0.113.9";
        std::string body;
        if (media_port != 0) {
            body = "v=0\r\no=- 1 1 IN IP4 " + host + "\r\ns=-\r\nc=IN IP4 " + host + "\r\nt=0 0\r\nm=audio " +
                   std::to_string(media_port) + " RTP/AVP 0\r\n";
        }
        const std::string text = first_line + "\r\nVia: SIP/2.0/UDP 10.1.2.3:5060;branch=z9hG4bK" + cseq.substr(0, 1) +
                                 "\r\nFrom: <sip:a@x>;tag=a\r\nTo: <sip:b@x>" +
                                 (to_tag.empty() ? "" : ";tag=" + to_tag) + "\r\nCall-ID: " + call_id +
                                 "\r\nCSeq: " + cseq + (body.empty() ? "" : "\r\nContent-Type: application/sdp") +
                                 "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        const auto packet = testing::udp_packet(from_inside ? inside : outside, from_inside ? outside : inside, text);
        engine_.on_packet(packet, false, now_, plan_);
        journal_.on_plan(plan_, now_);
    }
    void establish(const std::string& call_id, std::uint16_t inside_port = 40000, std::uint16_t outside_port = 50000) {
        message("INVITE sip:b@x SIP/2.0", "1 INVITE", call_id, "", inside_port, true);
        message("SIP/2.0 200 OK", "1 INVITE", call_id, "b", outside_port, false);
    }
    void hang_up(const std::string& call_id) { message("BYE sip:b@x SIP/2.0", "2 BYE", call_id, "b", 0, true); }
    void pass(alg::Duration time) {
        now_ += time;
        engine_.expire(now_, nullptr, plan_);
        journal_.on_plan(plan_, now_);
    }

    [[nodiscard]] alg::Engine& engine() { return engine_; }
    [[nodiscard]] CallJournal& journal() { return journal_; }
    [[nodiscard]] const CountingListener& listener() const { return listener_; }
    [[nodiscard]] alg::TimePoint now() const { return now_; }

   private:
    [[nodiscard]] static alg::Policy policy() {
        alg::Policy policy;
        policy.inside.add(*alg::Prefix::parse("10.1.2.0/24"));
        return policy;
    }

    alg::TimePoint now_{std::chrono::seconds(1000)};
    alg::Engine engine_{policy(), alg::Limits{}, {1, 2}};
    CountingListener listener_;
    CallJournal journal_{engine_, listener_, {kRecent, kBytes, 4096}, {3, 4}};
    alg::Plan plan_;
};

}  // namespace messenger::daemon
