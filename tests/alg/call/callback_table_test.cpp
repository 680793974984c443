// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/callback_table.h"

#include <gtest/gtest.h>

#include <chrono>

namespace messenger::alg {
namespace {

using std::chrono::minutes;
using Allowed = CallbackTable::Allowed;

const TimePoint kNow = TimePoint{} + std::chrono::hours(1);

CallbackTable::Key key(int port) {
    return {Transport::udp, {IpAddress::v4(0x0a010203), static_cast<std::uint16_t>(port)}, IpAddress::v4(0xc6336414)};
}

struct CallbackTableTest : testing::Test {
    CallbackTableTest() {
        limits.registrations = limits.registrations_per_host = 2;
        limits.calls = limits.calls_per_host = 1;  // of which each may have two
    }
    /// How many end by then.
    std::size_t ends(TimePoint then) {
        std::size_t count = 0;
        table.expire(
            then, [&count](const auto&, const auto&) { ++count; }, [](const auto&) {});
        return count;
    }

    Limits limits;
    CallbackTable table{limits, HashKey{1, 2}};
};

TEST_F(CallbackTableTest, CallsAndRegistrationsHaveRoomOfTheirOwn) {
    for (const int port : {5060, 5061}) {
        EXPECT_EQ(table.allow_in_call(key(port), {}, kNow + minutes(30), false), Allowed::added);
    }
    EXPECT_EQ(table.allow_in_call(key(5062), {}, kNow + minutes(30), false), Allowed::full);
    EXPECT_EQ(table.allow(key(5063), {}, kNow + minutes(60), false), Allowed::added);
    // What a call had becomes the registration's, and leaves room for another call's.
    EXPECT_EQ(table.allow(key(5060), {}, kNow + minutes(60), false), Allowed::prolonged);
    EXPECT_EQ(table.allow(key(5061), {}, kNow + minutes(60), false), Allowed::full);
    EXPECT_EQ(table.allow_in_call(key(5062), {}, kNow + minutes(30), false), Allowed::added);
    EXPECT_TRUE(table.forbid(key(5060)));
    EXPECT_EQ(table.allow(key(5061), {}, kNow + minutes(60), false), Allowed::prolonged);
    for (const int port : {5061, 5062, 5063}) EXPECT_TRUE(table.forbid(key(port)));
    EXPECT_TRUE(table.all().empty());
    for (const int port : {5060, 5061}) {
        EXPECT_EQ(table.allow(key(port), {}, kNow + minutes(60), false), Allowed::added);
    }
}

TEST_F(CallbackTableTest, TheLastHolderTakesItAway) {
    EXPECT_EQ(table.allow(key(5060), {}, kNow + minutes(60), false), Allowed::added);
    EXPECT_EQ(table.allow_in_call(key(5060), {}, kNow + minutes(30), false), Allowed::prolonged);
    EXPECT_EQ(table.find(key(5060))->until, kNow + minutes(60));
    EXPECT_FALSE(table.leave(key(5060)));
    EXPECT_EQ(table.allow_in_call(key(5060), {}, kNow + minutes(90), false), Allowed::prolonged);
    table.release(key(5060), kNow);
    EXPECT_EQ(ends(kNow + minutes(80)), 0U);
    EXPECT_TRUE(table.leave(key(5060)));
    EXPECT_FALSE(table.leave(key(5060))) << "nobody holds it";
}

// Whose it was before a restart is not known, so a call that had it meanwhile must not take it away from a
// registration.
TEST_F(CallbackTableTest, WhatIsFromBeforeARestartStaysForItsTime) {
    ASSERT_TRUE(table.restore(key(5060), {}, kNow + minutes(60)));
    EXPECT_EQ(table.allow_in_call(key(5060), {}, kNow + minutes(30), false), Allowed::prolonged);
    EXPECT_EQ(table.allow_in_call(key(5060), {}, kNow + minutes(30), true), Allowed::prolonged);
    EXPECT_EQ(table.find(key(5060))->until, kNow + minutes(60));
    EXPECT_FALSE(table.leave(key(5060)));
    EXPECT_EQ(ends(kNow + minutes(59)), 0U);
    EXPECT_EQ(ends(kNow + minutes(60)), 1U);
}

TEST_F(CallbackTableTest, OutlivesItsRestoredTimeWithACall) {
    ASSERT_TRUE(table.restore(key(5060), {}, kNow + minutes(5)));
    EXPECT_EQ(table.allow_in_call(key(5060), {}, kNow + minutes(30), false), Allowed::prolonged);
    EXPECT_EQ(ends(kNow + minutes(29)), 0U);
    EXPECT_TRUE(table.leave(key(5060))) << "there is nothing left to wait for";
}

// Else who holds it would count twice, or never have counted, when there is another one.
TEST_F(CallbackTableTest, TimeDoesNotEndWhatSomebodyHolds) {
    EXPECT_EQ(table.allow_in_call(key(5060), {}, kNow + minutes(30), false), Allowed::added);
    EXPECT_EQ(ends(kNow + minutes(40)), 0U);
    EXPECT_EQ(table.allow(key(5060), {}, kNow + minutes(50), false), Allowed::prolonged);
    EXPECT_EQ(table.allow_in_call(key(5060), {}, kNow + minutes(70), true), Allowed::prolonged);
    EXPECT_FALSE(table.leave(key(5060)));
    table.release(key(5060), kNow + minutes(50));
    EXPECT_EQ(ends(kNow + minutes(50)), 1U);
}

}  // namespace
}  // namespace messenger::alg
