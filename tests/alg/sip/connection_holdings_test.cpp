// SPDX-License-Identifier: GPL-2.0-or-later
// What connections hold together, and who has to go when it is too much.
#include <gmock/gmock.h>

#include "tests/alg/sip/connection_lab.h"

namespace messenger::alg {
namespace {

using connection_lab::at;
using connection_lab::EditedTable;
using connection_lab::kBye;
using connection_lab::Table;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Pair;

/// The beginning of a head that never ends.
std::string endless(std::size_t size) {
    return "BYE sip:b@example.com SIP/2.0\r\nX: " + std::string(size - 34, 'x');
}

FlowTuple of_host(std::uint16_t port, const char* host = "10.1.2.66") {
    return {testing::endpoint(host, port), testing::endpoint("198.51.100.20", 5060), Transport::tcp};
}

TEST(ConnectionHoldings, TheHostThatKeepsMostGoesAndNotWhoComesLast) {
    Table t;
    t.limits.buffered_bytes = 10'000;
    for (std::uint16_t port = 1000; port < 1009; ++port) {
        t.shake_hands(of_host(port));
        EXPECT_FALSE(t.send(of_host(port), 100, endless(port - 200U)).opaque);
    }
    t.shake_hands();
    EXPECT_FALSE(t.send(t.tuple, 100, endless(3000)).opaque) << "the largest of all, but its host has the least";
    EXPECT_THAT(t.expire(at(0)), ElementsAre(Pair(of_host(1008), OpaqueReason::too_much_early_data),
                                             Pair(of_host(1007), OpaqueReason::too_much_early_data)))
        << "an eighth is free again";
    EXPECT_TRUE(t.expire(at(0)).empty()) << "said once";
    const auto after = t.send(of_host(1008), 100 + 808, "\r\n\r\n");
    EXPECT_EQ(after.mark, FlowMark::opaque) << "it need not come here any more";
    EXPECT_FALSE(after.opaque);
    EXPECT_EQ(t.send(of_host(1008), 100 + 812, kBye).mark, FlowMark::none);
    EXPECT_TRUE(t.messages.empty());
}

TEST(ConnectionHoldings, WhoeverHasNotShakenHandsIsOneWithAllOthersOfTheKind) {
    Table t;
    t.limits.buffered_bytes = 10'000;
    t.shake_hands();
    EXPECT_FALSE(t.send(t.tuple, 100, endless(2500)).opaque);
    for (std::uint16_t forged = 1; forged <= 100; ++forged) {
        const auto way = of_host(1000, ("10.1.3." + std::to_string(forged)).c_str());
        (void)t.send(way, 99, "", {.syn = true});
        (void)t.send(way, 100, endless(1000));
    }
    const auto given_up = t.expire(at(0));
    EXPECT_GT(given_up.size(), 40U);
    EXPECT_THAT(given_up, Each(Pair(::testing::Ne(t.tuple), OpaqueReason::too_much_early_data)));
}

TEST(ConnectionHoldings, WhoeverShookHandsBeforeARestartIsNotOneWithThem) {
    EditedTable before;
    before.shake_hands();
    before.data(100, "");
    before.data(100, kBye);  // edited, so it is handed over
    std::vector<std::byte> saved;
    before.table.save(saved);
    EditedTable t;
    ASSERT_EQ(t.table.load(saved, at(0)), 1U);
    t.limits.buffered_bytes = 10'000;
    const FlowTuple honest = t.tuple;
    t.data(100 + static_cast<std::uint32_t>(kBye.size()), endless(1400));
    for (std::uint16_t forged = 1; forged <= 30; ++forged) {
        t.tuple = of_host(1000, ("10.1.3." + std::to_string(forged)).c_str());
        t.send(true, {.sequence = 99, .syn = true}, "");
        t.send(true, {.sequence = 100}, endless(900));
    }
    const auto given_up = t.expire(0);
    EXPECT_FALSE(given_up.empty());
    EXPECT_THAT(given_up, Each(Pair(::testing::Ne(honest), ::testing::_)));
}

TEST(ConnectionHoldings, PacketsThatWaitLeaveRoomForThoseOfOthers) {
    EditedTable t;
    t.limits.held_in_all = 64;
    const FlowTuple honest = t.tuple;
    t.shake_hands();
    t.data(100, kBye.substr(0, 20));
    std::uint16_t port = 1000;
    std::uint32_t held = 0;
    for (; port < 1020; ++port) {
        t.tuple = of_host(port);
        t.shake_hands();
        const std::string bytes = endless(60);
        for (std::uint32_t i = 0; i < 20; ++i) {
            t.data(100 + i, bytes.substr(i, 1));
            held += 1U - static_cast<std::uint32_t>(t.releases.size());
        }
        const auto given_up = t.expire(0);
        EXPECT_THAT(given_up, Each(Pair(::testing::Ne(honest), OpaqueReason::too_much_held)));
        held -= static_cast<std::uint32_t>(t.releases.size());
        EXPECT_LE(held, 64U);
    }
    EXPECT_GT(held, 20U) << "up to there they may wait";
    t.tuple = honest;
    t.data(120, kBye.substr(20));
    EXPECT_THAT(t.messages, ElementsAre(kBye)) << "read in spite of all";
}

TEST(ConnectionHoldings, WhatWaitedGoesOnWithTheNextPacketToo) {
    EditedTable t;
    t.limits.held_in_all = 2;
    t.shake_hands();
    for (std::uint32_t i = 0; i < 3; ++i) {
        t.data(100 + 10 * i, kBye.substr(10 * i, 10));
        EXPECT_TRUE(t.releases.empty());
    }
    t.data(130, kBye.substr(30));
    EXPECT_EQ(t.releases.size(), 4U) << "as they are";
    EXPECT_EQ(t.outcome.mark, FlowMark::opaque);
    EXPECT_TRUE(t.messages.empty());
    EXPECT_THAT(t.expire(0), ElementsAre(Pair(t.tuple, OpaqueReason::too_much_held)));
    EXPECT_TRUE(t.releases.empty());
}

}  // namespace
}  // namespace messenger::alg
