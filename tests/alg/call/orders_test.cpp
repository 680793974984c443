// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/alg/call/signalling_fixture.h"

namespace messenger::alg {
namespace {

using testing::address;

class OrdersTest : public SignallingFixture {
   protected:
    void establish() {
        say(out(), request("INVITE", 1, ""), ours());
        say(in(), response(200, "INVITE", 1), theirs());
    }
    void block(const char* host) {
        policy_.blocked = {address(host)};
        plan_.clear();
        signalling_.close_blocked(at(1), plan_);
    }
    [[nodiscard]] std::size_t open() const { return signalling_.pinholes().size(); }
};

TEST_F(OrdersTest, CloseTakesEverythingThatACallHasOpen) {
    establish();
    ASSERT_EQ(open(), 1U);
    plan_.clear();
    EXPECT_TRUE(signalling_.close_call(make_call_key("c1"), at(1), plan_));
    ASSERT_EQ(plan_.changes.size(), 1U);
    EXPECT_EQ(plan_.changes[0].kind, PinholeChange::Kind::remove);
    ASSERT_EQ(events<CloseEvent>().size(), 1U);
    EXPECT_EQ(events<CloseEvent>()[0].reason, CloseReason::by_operator);
    EXPECT_EQ(open(), 0U);
}

TEST_F(OrdersTest, AClosedCallOpensNothingAnew) {
    establish();
    plan_.clear();
    EXPECT_TRUE(signalling_.close_call(make_call_key("c1"), at(1), plan_));
    say(out(), request("INVITE", 2), ours(5400));
    say(in(), response(200, "INVITE", 2), theirs());
    EXPECT_EQ(open(), 0U);
    say(out(), request("BYE", 3));
    EXPECT_FALSE(signalling_.calls().find(make_call_key("c1"))->alive());
}

TEST_F(OrdersTest, CloseKnowsACallThatIsNotThere) {
    EXPECT_FALSE(signalling_.close_call(make_call_key("c1"), at(1), plan_));
    establish();
    say(out(), request("BYE", 2));
    plan_.clear();
    EXPECT_FALSE(signalling_.close_call(make_call_key("c1"), at(1), plan_)) << "it has ended";
}

TEST_F(OrdersTest, ABlockClosesTheCallsOfAHost) {
    for (const char* host : {"10.1.2.3", "203.0.113.30", "198.51.100.20"}) {
        policy_.blocked.clear();
        establish();
        ASSERT_EQ(open(), 1U) << host;
        block(host);
        EXPECT_EQ(open(), 0U) << host;
        ASSERT_EQ(events<CloseEvent>().size(), 1U) << host;
        EXPECT_EQ(events<CloseEvent>()[0].reason, CloseReason::blocked);
        say(out(), request("BYE", 2));
        pass_time(1000);
    }
}

TEST_F(OrdersTest, ABlockLeavesOthersAlone) {
    establish();
    block("10.1.2.4");
    EXPECT_EQ(open(), 1U);
    EXPECT_TRUE(plan_.changes.empty());
    EXPECT_TRUE(plan_.events.empty());
}

TEST_F(OrdersTest, NothingIsOpenedForABlockedHostAndThatIsSaidOnce) {
    policy_.blocked = {address("203.0.113.30")};
    say(out(), request("INVITE", 1, ""), ours());
    EXPECT_TRUE(events<RefuseEvent>().empty());
    say(in(), response(200, "INVITE", 1), theirs());
    EXPECT_EQ(open(), 0U);
    ASSERT_EQ(events<RefuseEvent>().size(), 1U);
    EXPECT_EQ(events<RefuseEvent>()[0].reason, RefuseReason::blocked);
    say(in(), response(200, "INVITE", 1), theirs());
    EXPECT_TRUE(events<RefuseEvent>().empty());
}

TEST_F(OrdersTest, AnUnblockedHostIsServedAgain) {
    policy_.blocked = {address("203.0.113.30")};
    establish();
    EXPECT_EQ(open(), 0U);
    policy_.blocked.clear();
    say(out(), request("INVITE", 2), ours());
    say(in(), response(200, "INVITE", 2), theirs());
    EXPECT_EQ(open(), 1U);
}

TEST_F(OrdersTest, ABlockReachesCallsFromBeforeARestart) {
    const PinholeKey held{Transport::udp, false, testing::endpoint("10.1.2.3", 5350), address("203.0.113.30")};
    signalling_.restore(held, {MediaKind::audio, PortRole::rtp}, {1, 2, "c1"}, std::chrono::seconds(100), at(0));
    block("203.0.113.30");
    EXPECT_EQ(open(), 0U);
}

}  // namespace
}  // namespace messenger::alg
