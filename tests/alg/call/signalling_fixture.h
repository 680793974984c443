// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alg/call/signalling.h"
#include "tests/support/packet_builder.h"
#include "tests/support/sip_text.h"

namespace messenger::alg {

/// Messages between an inside host and its server, given to Signalling alone.
class SignallingFixture : public ::testing::Test {
   protected:
    SignallingFixture() { policy_.inside.add(*Prefix::parse("10.0.0.0/8")); }

    static FlowTuple out() {
        return {testing::endpoint("10.1.2.3", 5060), testing::endpoint("198.51.100.20", 5060), Transport::udp};
    }
    static FlowTuple in() { return out().reversed(); }
    /// From a host that has no part in it.
    static FlowTuple from_stranger() {
        return {testing::endpoint("198.51.100.99", 5060), out().source, Transport::udp};
    }

    /// first: the start line and From, To and CSeq, with LF; body: an SDP, or nothing.
    void say(const FlowTuple& tuple, const std::string& first, const std::string& body = "", int seconds = 0) {
        const std::string type = body.empty() ? "" : "Content-Type: application/sdp\n";
        text_ = testing::wire(first + "\nCall-ID: " + call_id_ + "\n" + type + "Content-Length: *\n\n" + body);
        ASSERT_TRUE(message_.parse(text_, limits_)) << text_;
        plan_.clear();
        signalling_.release();
        signalling_.on_message({message_, tuple, at(seconds), nat_ ? &*nat_ : nullptr}, plan_);
    }
    void pass_time(int seconds) {
        plan_.clear();
        signalling_.expire(at(seconds), nullptr, plan_);
    }
    static TimePoint at(int seconds) { return TimePoint{} + std::chrono::seconds(seconds); }

    static std::string request(const std::string& method, int cseq, const std::string& to = ";tag=b",
                               const std::string& branch = "z1") {
        return method + " sip:b@example.com SIP/2.0\nVia: SIP/2.0/UDP 10.1.2.3;branch=" + branch +
               "\nFrom: <sip:a@example.com>;tag=a\nTo: <sip:b@example.com>" + to + "\nCSeq: " + std::to_string(cseq) +
               " " + method;
    }
    static std::string response(int status, const std::string& method, int cseq, const std::string& tag = "b",
                                const std::string& branch = "z1") {
        return "SIP/2.0 " + std::to_string(status) +
               " X\nVia: SIP/2.0/UDP 10.1.2.3;received=10.1.2.3;branch=" + branch +
               "\nFrom: <sip:a@example.com>;tag=a\nTo: <sip:b@example.com>;tag=" + tag +
               "\nCSeq: " + std::to_string(cseq) + " " + method;
    }
    static std::string ours(int port = 5350) {
        return testing::sdp("10.1.2.3", "m=image " + std::to_string(port) + " udptl t38");
    }
    static std::string theirs() { return testing::sdp("203.0.113.30", "m=image 49170 udptl t38"); }

    template <class E>
    [[nodiscard]] std::vector<E> events() const {
        std::vector<E> found;
        for (const Event& event : plan_.events) {
            if (const E* one = std::get_if<E>(&event)) found.push_back(*one);
        }
        return found;
    }

    Policy policy_;
    Limits limits_;
    Signalling signalling_{policy_, limits_, HashKey{1, 2}};
    Plan plan_;
    std::string call_id_ = "c1";
    std::optional<NatPath> nat_;  ///< what hides the inside host

   private:
    std::string text_;
    SipMessageView message_;
};

}  // namespace messenger::alg
