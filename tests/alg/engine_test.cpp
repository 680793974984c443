// SPDX-License-Identifier: GPL-2.0-or-later
// What the engine does before a message is understood; calls are in tests/scenario.
#include "alg/engine.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"
#include "tests/support/sip_text.h"

namespace messenger::alg {
namespace {

using testing::endpoint;

const std::string kOptions = testing::wire(
    "OPTIONS sip:b@example.com SIP/2.0\nFrom: <sip:a@x>;tag=a\nTo: <sip:b@x>\nCall-ID: c\nCSeq: 1 "
    "OPTIONS\nContent-Length: 0");

struct Machine {
    Policy policy;
    Limits limits;
    Plan plan;
    std::unique_ptr<Engine> engine;

    Engine& start() {
        policy.inside.add(*Prefix::parse("10.0.0.0/8"));
        engine = std::make_unique<Engine>(policy, limits, HashKey{1, 2});
        return *engine;
    }
    void send(std::string_view payload, std::uint16_t from = 5060, std::uint16_t to = 5060) {
        engine->on_packet(testing::udp_packet(endpoint("10.1.2.3", from), endpoint("198.51.100.20", to), payload),
                          false, TimePoint{} + std::chrono::seconds(1), plan);
    }
};

TEST(Engine, LooksAtConfiguredPortsOnly) {
    Machine m;
    m.policy.sip_ports = {5060, 5070};
    m.start();
    for (const auto& [from, to, seen] :
         {std::tuple{5060, 9, true}, std::tuple{9, 5070, true}, std::tuple{9, 8, false}}) {
        m.send(kOptions, static_cast<std::uint16_t>(from), static_cast<std::uint16_t>(to));
        EXPECT_EQ(m.plan.events.size(), seen ? 1U : 0U) << from << " " << to;
    }
}

TEST(Engine, LooksAtEveryPortIfTold) {
    Machine m;
    m.policy.any_sip_port = true;
    m.start();
    m.send(kOptions, 9, 8);
    EXPECT_EQ(m.plan.events.size(), 1U);
    m.send("no SIP at all", 9, 8);
    EXPECT_TRUE(m.plan.events.empty());
}

TEST(Engine, CountsWhatItSees) {
    Machine m;
    Engine& engine = m.start();
    m.send(kOptions);
    m.send("\r\n\r\n");
    m.send("STUN or so");
    m.send("OPTIONS sip:b SIP/2.0\r\n\r\n");
    engine.on_packet({}, false, TimePoint{}, m.plan);
    EXPECT_EQ(engine.counters().packets, 5U);
    EXPECT_EQ(engine.counters().messages, 1U);
    EXPECT_EQ(engine.counters().not_sip_datagrams, 2U);
    EXPECT_EQ(engine.counters().not_understood, 1U);
    EXPECT_EQ(engine.counters().unreadable_packets, 1U);
}

TEST(Engine, DropsMalformedDatagramsOnlyIfTold) {
    for (const bool drop : {false, true}) {
        Machine m;
        m.policy.drop_malformed = drop;
        m.start();
        for (const auto& [payload, malformed] :
             {std::pair{std::string("garbage"), true}, std::pair{std::string("OPTIONS sip:b SIP/2.0\r\n\r\n"), true},
              std::pair{std::string("\r\n\r\n"), false}, std::pair{kOptions, false}}) {
            m.send(payload);
            EXPECT_EQ(m.plan.verdict, drop && malformed ? Verdict::drop : Verdict::accept) << payload;
        }
    }
}

TEST(Engine, ReadsAMessageBehindKeepAlives) {
    Machine m;
    m.start();
    m.send("\r\n\r\n" + kOptions);
    EXPECT_EQ(m.plan.events.size(), 1U);
}

TEST(Engine, ClearsThePlanOfThePacketBefore) {
    Machine m;
    m.start();
    m.send(kOptions);
    m.send("\r\n");
    EXPECT_TRUE(m.plan.events.empty());
}

TEST(Engine, WaitsForNothingWhenNothingIsOpen) {
    Machine m;
    Engine& engine = m.start();
    EXPECT_FALSE(engine.next_expiry());
    m.send(kOptions);
    EXPECT_FALSE(engine.next_expiry());
    engine.expire(TimePoint{} + std::chrono::hours(1), nullptr, m.plan);
    EXPECT_TRUE(m.plan.events.empty());
}

TEST(Engine, TakesANewPolicyForWhatComes) {
    Machine m;
    Engine& engine = m.start();
    Policy other = engine.policy();
    other.sip_ports = {5070};
    engine.set_policy(other);
    m.send(kOptions);
    EXPECT_TRUE(m.plan.events.empty());
    m.send(kOptions, 9, 5070);
    EXPECT_EQ(m.plan.events.size(), 1U);
}

}  // namespace
}  // namespace messenger::alg
