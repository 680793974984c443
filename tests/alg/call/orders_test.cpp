// SPDX-License-Identifier: GPL-2.0-or-later
#include <utility>

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
    /// A call whose peer may send its requests to the inside host by itself, and its server, too, after a while.
    void establish_callable(int now = 0) {
        say(out(), request("INVITE", 1, "") + "\nContact: <sip:a@10.1.2.3:5060>", ours(), now);
        say(in(), response(200, "INVITE", 1) + "\nContact: <sip:b@203.0.113.30:5060>", theirs(), now);
        pass_time(now + 30);
    }
    void sign_on(int cseq) {
        const std::string contact = "\nContact: <sip:a@10.1.2.3:5060>";
        const std::string call_id = std::exchange(call_id_, "r");
        say(out(), request("REGISTER", cseq, "") + contact);
        say(in(), response(200, "REGISTER", cseq) + contact);
        call_id_ = call_id;
    }
    [[nodiscard]] std::size_t callable() const { return signalling_.callbacks().all().size(); }
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

TEST_F(OrdersTest, AClosedCallLetsNobodyCallBack) {
    establish_callable();
    ASSERT_EQ(callable(), 2U);
    plan_.clear();
    EXPECT_TRUE(signalling_.close_call(make_call_key("c1"), at(31), plan_));
    EXPECT_EQ(callable(), 0U);
    EXPECT_EQ(plan_.callbacks.size(), 2U);
    pass_time(3000);
    say(in(), request("UPDATE", 2), "", 3000);
    EXPECT_EQ(callable(), 0U);
}

TEST_F(OrdersTest, ABlockedHostMayNotCallBack) {
    int now = 0;
    for (const auto& [host, left] : {std::pair("203.0.113.30", 1U), {"198.51.100.20", 1U}, {"10.1.2.3", 0U}}) {
        policy_.blocked.clear();
        call_id_ = std::string("of ") + host;
        establish_callable(now);
        ASSERT_EQ(callable(), 2U) << host;
        block(host);
        EXPECT_EQ(callable(), left) << host;
        EXPECT_EQ(plan_.callbacks.size(), 2 - left) << host;
        pass_time(now + 200);
        say(out(), request("UPDATE", 2), "", now + 200);
        pass_time(now + 230);
        EXPECT_EQ(callable(), left) << "nor later: " << host;
        say(out(), request("BYE", 3), "", now + 300);
        EXPECT_EQ(callable(), 0U) << host;
        call_id_ = std::string("after the block of ") + host;
        establish_callable(now + 400);
        EXPECT_EQ(callable(), left) << host;
        say(out(), request("BYE", 2), "", now + 500);
        pass_time(now += 10000);
    }
}

TEST_F(OrdersTest, ABlockedRegistrarMayNotCallBack) {
    sign_on(1);
    establish_callable();
    ASSERT_EQ(callable(), 2U);
    block("198.51.100.20");
    EXPECT_EQ(callable(), 1U);
    sign_on(2);
    EXPECT_EQ(callable(), 1U);
    policy_.blocked.clear();
    sign_on(3);
    EXPECT_EQ(callable(), 2U);
    say(out(), request("BYE", 2));
    EXPECT_EQ(callable(), 1U) << "the registrar's";
}

TEST_F(OrdersTest, ABlockReachesCallbacksFromBeforeARestart) {
    const CallbackTable::Key key{Transport::udp, testing::endpoint("10.1.2.3", 5060), address("198.51.100.20")};
    signalling_.restore_callback(key, {}, {1, 1, false}, std::chrono::seconds(3000), at(0));
    block("198.51.100.21");
    EXPECT_EQ(callable(), 1U);
    block("198.51.100.20");
    EXPECT_EQ(callable(), 0U);
    EXPECT_EQ(plan_.callbacks.size(), 1U);
}

TEST_F(OrdersTest, ABlockReachesCallsFromBeforeARestart) {
    const PinholeKey held{Transport::udp, false, testing::endpoint("10.1.2.3", 5350), address("203.0.113.30")};
    signalling_.restore(held, {MediaKind::audio, PortRole::rtp}, {1, 2, "c1"}, std::chrono::seconds(100), at(0));
    block("203.0.113.30");
    EXPECT_EQ(open(), 0U);
}

}  // namespace
}  // namespace messenger::alg
