// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "alg/base/time.h"
#include "alg/policy.h"
#include "daemon/explain/capture_run.h"
#include "daemon/explain/explain.h"
#include "tests/support/packet_builder.h"

/// One call from an inside host, as packets for a CaptureRun.
namespace messenger::testing {

inline const alg::Endpoint kAlice = endpoint("10.0.0.5", 5060);
inline const alg::Endpoint kBob = endpoint("192.0.2.9", 5060);
inline const alg::Endpoint kAliceMedia = endpoint("10.0.0.5", 4000);
inline const alg::Endpoint kBobMedia = endpoint("192.0.2.9", 6000);

[[nodiscard]] inline std::string sdp(const alg::Endpoint& media) {
    const std::string address = media.address.to_string();
    return "v=0\r\no=- 1 1 IN IP4 " + address + "\r\ns=-\r\nc=IN IP4 " + address + "\r\nt=0 0\r\nm=audio " +
           std::to_string(media.port) + " RTP/AVP 0\r\n";
}

/// A message of the call: From is Alice, whoever sends it.
[[nodiscard]] inline std::string sip(std::string_view start_line, std::string_view cseq, std::string_view to_tag,
                                     std::string_view body = {}, std::string_view call_id = "call-1@10.0.0.5") {
    std::string text(start_line);
    text += "\r\nVia: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK" + std::string(cseq.substr(0, 1));
    text += "\r\nFrom: Alice <sip:alice@example.com>;tag=a\r\nTo: Bob <sip:bob@example.com>";
    if (!to_tag.empty()) text += ";tag=" + std::string(to_tag);
    text += "\r\nCall-ID: " + std::string(call_id) + "\r\nCSeq: " + std::string(cseq);
    if (!body.empty()) text += "\r\nContent-Type: application/sdp";
    text += "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    return text;
}

inline const std::string kInvite = sip("INVITE sip:bob@example.com SIP/2.0", "1 INVITE", "", sdp(kAliceMedia));
inline const std::string kOk = sip("SIP/2.0 200 OK", "1 INVITE", "b", sdp(kBobMedia));
inline const std::string kBye = sip("BYE sip:bob@example.com SIP/2.0", "2 BYE", "b");

[[nodiscard]] inline alg::Policy policy_of_captures() {
    alg::Policy policy;
    policy.inside = alg::PrefixSet::private_ranges();
    policy.take_up_any_stream = true;
    return policy;
}

/// Packets in, at seconds after 1160000000.
class Recorder {
   public:
    explicit Recorder(daemon::Report& report)
        : run_(policy_, daemon::limits_for_captures(alg::Limits{}), alg::HashKey{1, 2}, report) {}

    void udp(double seconds, const alg::Endpoint& from, const alg::Endpoint& to, std::string_view payload) {
        const Bytes packet = udp_packet(from, to, payload);
        run_.on_packet({at(seconds), 0, packet});
    }
    void call_begins(double seconds) {
        udp(seconds, kAlice, kBob, kInvite);
        udp(seconds + 1, kBob, kAlice, kOk);
    }
    [[nodiscard]] daemon::CaptureSummary summary() const {
        daemon::CaptureSummary summary;
        summary.file = "test";
        run_.describe(summary);
        return summary;
    }
    [[nodiscard]] static alg::TimePoint at(double seconds) {
        using namespace std::chrono;
        return alg::TimePoint(1'160'000'000s + duration_cast<nanoseconds>(duration<double>(seconds)));
    }

   private:
    const alg::Policy policy_ = policy_of_captures();
    daemon::CaptureRun run_;
};

}  // namespace messenger::testing
