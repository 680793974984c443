// SPDX-License-Identifier: GPL-2.0-or-later
// No message takes heap once the engine has seen one like it: what a gateway does all day is bounded in time as well.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "alg/engine.h"
#include "tests/support/allocation_count.h"
#include "tests/support/packet_builder.h"
#include "tests/support/sip_text.h"

namespace messenger::alg {
namespace {

using testing::Bytes;
using testing::endpoint;
using testing::udp_packet;
using testing::wire;

const Endpoint kInside = endpoint("10.1.2.3", 5060);
const Endpoint kOutside = endpoint("198.51.100.20", 5060);
constexpr int kTimes = 100;

struct Machine {
    Policy policy;
    Limits limits;
    Plan plan;
    std::unique_ptr<Engine> engine;
    TimePoint now{std::chrono::seconds(1)};

    Machine() {
        policy.inside.add(*Prefix::parse("10.0.0.0/8"));
        limits.messages_per_second = 0;
        engine = std::make_unique<Engine>(policy, limits, HashKey{1, 2});
    }
    void pass(const Bytes& packet) { engine->on_packet(packet, false, now, plan); }
    void out(const std::string& text) { pass(udp_packet(kInside, kOutside, text)); }
    void in(const std::string& text) { pass(udp_packet(kOutside, kInside, text)); }
};

/// A message of one dialog. start: the start line. cseq: such as "2 INFO".
[[nodiscard]] std::string message(const std::string& start, const std::string& cseq, const std::string& body = "",
                                  const std::string& type = "application/sdp") {
    const std::string text =
        wire(start +
             "\nVia: SIP/2.0/UDP 10.1.2.3:5060;branch=z9hG4bK776asdhds\nMax-Forwards: 70\n"
             "From: \"Alice\" <sip:alice@example.com>;tag=5c1d;epid=01ab23cd45\n"
             "To: <sip:bob@example.com>;tag=b1\nCall-ID: 0f3c9a77d2@10.1.2.3\nCSeq: " +
             cseq + "\nContact: <sip:alice@10.1.2.3:5060>\nUser-Agent: RTC/1.3\n" +
             (body.empty() ? "" : "Content-Type: " + type + "\n") + "Content-Length: " + std::to_string(body.size()));
    return text + body;
}

[[nodiscard]] std::string session(const std::string& address) {
    return "v=0\r\no=- 0 0 IN IP4 " + address + "\r\ns=-\r\nc=IN IP4 " + address +
           "\r\nt=0 0\r\nm=audio 5350 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
}

/// How often heap is taken while these packets pass kTimes, after they have passed once.
[[nodiscard]] std::size_t allocations_of(Machine& machine, const std::vector<Bytes>& packets) {
    for (const Bytes& packet : packets) machine.pass(packet);
    const std::size_t before = test::allocation_count();
    for (int i = 0; i < kTimes; ++i) {
        for (const Bytes& packet : packets) machine.pass(packet);
    }
    return test::allocation_count() - before;
}

void call_up(Machine& machine) {
    std::string invite = message("INVITE sip:bob@example.com SIP/2.0", "1 INVITE", session("10.1.2.3"));
    invite.erase(invite.find(";tag=b1"), 7);
    machine.out(invite);
    machine.in(message("SIP/2.0 200 OK", "1 INVITE", session("198.51.100.20")));
    machine.out(message("ACK sip:bob@example.com SIP/2.0", "1 ACK"));
    ASSERT_EQ(machine.engine->pinholes().all().size(), 2U);
}

TEST(SteadyState, TakesNoHeapForMessagesThatBelongToNoCall) {
    Machine machine;
    const std::vector<Bytes> packets{
        udp_packet(kInside, kOutside, message("OPTIONS sip:example.com SIP/2.0", "1 OPTIONS")),
        udp_packet(kOutside, kInside, message("SIP/2.0 200 OK", "1 OPTIONS", session("198.51.100.20"))),
        udp_packet(kInside, kOutside, message("MESSAGE sip:bob@x SIP/2.0", "3 MESSAGE", "hello", "text/plain")),
        udp_packet(kOutside, kInside, message("SIP/2.0 202 Accepted", "3 MESSAGE")),
        udp_packet(kInside, kOutside, "\r\n\r\n"),
    };
    EXPECT_EQ(allocations_of(machine, packets), 0U);
    EXPECT_EQ(machine.engine->counters().messages, 4U * (kTimes + 1));
}

TEST(SteadyState, TakesNoHeapForMessagesWithinACall) {
    Machine machine;
    call_up(machine);
    const std::vector<Bytes> packets{
        udp_packet(kInside, kOutside,
                   message("INFO sip:bob@x SIP/2.0", "2 INFO", "Signal=5", "application/dtmf-relay")),
        udp_packet(kOutside, kInside, message("SIP/2.0 200 OK", "2 INFO")),
        // Retransmissions.
        udp_packet(kOutside, kInside, message("SIP/2.0 200 OK", "1 INVITE", session("198.51.100.20"))),
        udp_packet(kInside, kOutside, message("ACK sip:bob@example.com SIP/2.0", "1 ACK")),
    };
    EXPECT_EQ(allocations_of(machine, packets), 0U);
    EXPECT_EQ(machine.engine->pinholes().all().size(), 2U);
}

TEST(SteadyState, TakesNoHeapForMessagesOfAConnection) {
    Machine machine;
    testing::TcpSegment fields;
    fields.syn = true;
    fields.sequence = 999;
    machine.pass(testing::tcp_packet(kInside, kOutside, fields, ""));
    fields = {};
    fields.ack = true;
    fields.sequence = 1000;
    const std::string text = message("OPTIONS sip:example.com SIP/2.0", "1 OPTIONS");
    std::vector<Bytes> packets;
    for (int i = 0; i <= kTimes; ++i) {
        packets.push_back(testing::tcp_packet(kInside, kOutside, fields, text));
        fields.sequence += static_cast<std::uint32_t>(text.size());
    }
    machine.pass(packets.front());
    const std::size_t before = test::allocation_count();
    for (std::size_t i = 1; i < packets.size(); ++i) machine.pass(packets[i]);
    EXPECT_EQ(test::allocation_count(), before);
    EXPECT_EQ(machine.engine->counters().messages, std::uint64_t{kTimes} + 1);
}

TEST(SteadyState, TakesNoHeapForOneCallAfterTheOther) {
    Machine machine;
    std::string invite = message("INVITE sip:bob@example.com SIP/2.0", "1 INVITE", session("10.1.2.3"));
    invite.erase(invite.find(";tag=b1"), 7);
    const std::vector<Bytes> packets{
        udp_packet(kInside, kOutside, invite),
        udp_packet(kOutside, kInside, message("SIP/2.0 200 OK", "1 INVITE", session("198.51.100.20"))),
        udp_packet(kInside, kOutside, message("ACK sip:bob@example.com SIP/2.0", "1 ACK")),
        udp_packet(kInside, kOutside, message("BYE sip:bob@example.com SIP/2.0", "2 BYE")),
        udp_packet(kOutside, kInside, message("SIP/2.0 200 OK", "2 BYE")),
    };
    std::size_t opened = 0;
    const auto call = [&] {
        for (const Bytes& packet : packets) {
            machine.pass(packet);
            opened += machine.plan.seeds.size();
        }
        machine.now += std::chrono::minutes(2);
        machine.engine->expire(machine.now, nullptr, machine.plan);
    };
    // What is queued for a call may outlive it by some minutes.
    constexpr int kBefore = 5;
    for (int i = 0; i < kBefore; ++i) call();
    const std::size_t before = test::allocation_count();
    for (int i = 0; i < kTimes; ++i) call();
    EXPECT_EQ(test::allocation_count(), before);
    EXPECT_EQ(opened, 2U * (kTimes + kBefore));
    EXPECT_EQ(machine.engine->calls().size(), 0U);
}

TEST(SteadyState, CountsWhatANewCallTakes) {
    // The counter must be able to see something at all.
    Machine machine;
    const std::size_t before = test::allocation_count();
    call_up(machine);
    EXPECT_GT(test::allocation_count(), before);
}

}  // namespace
}  // namespace messenger::alg
