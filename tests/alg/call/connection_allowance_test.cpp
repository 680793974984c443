// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/connection_allowance.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using testing::endpoint;

const Endpoint kPeer = endpoint("203.0.113.30", 40000);
const Endpoint kOther = endpoint("203.0.113.30", 40001);
constexpr TcpFields kSyn{.syn = true};
constexpr TcpFields kSynAck{.syn = true, .ack = true};
constexpr TcpFields kAck{.sequence = 1, .ack = true};
constexpr TcpFields kFin{.sequence = 1, .ack = true, .fin = true};
constexpr TcpFields kReset{.sequence = 1, .rst = true};
constexpr TcpFields kNobodyListens{.ack = true, .rst = true};

ConnectionAllowance granted() {
    ConnectionAllowance allowance(false);
    allowance.grant();
    return allowance;
}

TEST(ConnectionAllowance, LetsOneConnectionPassAndNoOther) {
    ConnectionAllowance allowance = granted();
    EXPECT_TRUE(allowance.on_packet(kPeer, true, kSyn));
    EXPECT_TRUE(allowance.on_packet(kPeer, true, kSyn)) << "sent again";
    EXPECT_TRUE(allowance.on_packet(kPeer, false, kSynAck));
    EXPECT_FALSE(allowance.on_packet(kOther, true, kSyn));
    EXPECT_FALSE(allowance.on_packet(kOther, true, kAck));
    EXPECT_TRUE(allowance.on_packet(kPeer, true, kAck));
    EXPECT_FALSE(allowance.is_spent());
}

TEST(ConnectionAllowance, IsSpentOnceBothSidesAreDone) {
    ConnectionAllowance allowance = granted();
    EXPECT_FALSE(allowance.is_spent());
    EXPECT_TRUE(allowance.on_packet(kPeer, true, kSyn));
    EXPECT_TRUE(allowance.on_packet(kPeer, true, kFin));
    EXPECT_FALSE(allowance.is_spent());
    EXPECT_TRUE(allowance.on_packet(kPeer, true, kFin)) << "sent again";
    EXPECT_FALSE(allowance.is_spent());
    EXPECT_TRUE(allowance.on_packet(kPeer, false, kFin));
    EXPECT_TRUE(allowance.is_spent());
    EXPECT_TRUE(allowance.on_packet(kPeer, false, kFin)) << "sent again";
    EXPECT_FALSE(allowance.on_packet(kPeer, true, kSyn)) << "its port is used again";
    EXPECT_FALSE(allowance.on_packet(kOther, true, kSyn));
}

TEST(ConnectionAllowance, IsSpentByAReset) {
    for (const bool from_remote : {false, true}) {
        ConnectionAllowance allowance = granted();
        EXPECT_TRUE(allowance.on_packet(kPeer, true, kSyn));
        EXPECT_TRUE(allowance.on_packet(kPeer, from_remote, kReset));
        EXPECT_TRUE(allowance.is_spent());
    }
}

TEST(ConnectionAllowance, IsNotSpentByAnAttemptThatNobodyTook) {
    ConnectionAllowance allowance = granted();
    EXPECT_TRUE(allowance.on_packet(kPeer, true, kSyn));
    EXPECT_TRUE(allowance.on_packet(kPeer, false, kNobodyListens));
    EXPECT_FALSE(allowance.is_spent());
    EXPECT_TRUE(allowance.on_packet(kOther, true, kSyn));
    EXPECT_FALSE(allowance.on_packet(kPeer, true, kSyn));
}

TEST(ConnectionAllowance, HasRoomForAFewAtOnce) {
    ConnectionAllowance allowance = granted();
    for (int i = 0; i < 10; ++i) allowance.grant();
    for (std::uint16_t port = 1; port <= 4; ++port) {
        EXPECT_TRUE(allowance.on_packet({kPeer.address, port}, true, kSyn));
    }
    EXPECT_FALSE(allowance.on_packet(kPeer, true, kSyn));
    EXPECT_TRUE(allowance.on_packet({kPeer.address, 1}, true, kReset));
    allowance.grant();
    EXPECT_TRUE(allowance.on_packet(kPeer, true, kSyn)) << "in the place of the one that has ended";
}

TEST(ConnectionAllowance, TakesBackWhatHasNotBegun) {
    ConnectionAllowance allowance = granted();
    EXPECT_TRUE(allowance.on_packet(kPeer, true, kSyn));
    EXPECT_TRUE(allowance.on_packet(kPeer, true, kReset));
    allowance.grant();
    EXPECT_FALSE(allowance.is_spent());
    allowance.revoke();
    EXPECT_TRUE(allowance.is_spent());
    EXPECT_FALSE(allowance.on_packet(kOther, true, kSyn));
    allowance.revoke();
    EXPECT_TRUE(allowance.is_spent()) << "nothing is left to take back";
}

TEST(ConnectionAllowance, KnowsNotWhatRanBeforeARestart) {
    ConnectionAllowance allowance(true);
    allowance.grant();
    EXPECT_TRUE(allowance.on_packet(kOther, false, kAck));
    EXPECT_FALSE(allowance.on_packet(kPeer, true, kSyn)) << "that was the one";
    EXPECT_TRUE(allowance.on_packet(kPeer, true, kAck)) << "but another may have been under way";
}

}  // namespace
}  // namespace messenger::alg
