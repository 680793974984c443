// SPDX-License-Identifier: GPL-2.0-or-later
// Hosts that have got hold of a dialog's tags, and have no part in it.
#include "tests/alg/call/signalling_fixture.h"

namespace messenger::alg {
namespace {

class StrangersTest : public SignallingFixture {
   protected:
    void call() {
        say(out(), request("INVITE", 1, ""), ours());
        say(in(), response(200, "INVITE", 1), theirs());
        ASSERT_EQ(events<OpenEvent>().size(), 1U);
    }
    void expect_turned_away() {
        EXPECT_TRUE(plan_.changes.empty());
        ASSERT_EQ(events<RefuseEvent>().size(), 1U);
        EXPECT_EQ(events<RefuseEvent>()[0].reason, RefuseReason::wrong_dialog);
    }
    /// Of the called party: the tags change places.
    static std::string called(std::string message) {
        const std::size_t from = message.find("tag=a");
        const std::size_t to = message.find("tag=b");
        message[from + 4] = 'b';
        message[to + 4] = 'a';
        return message;
    }
    static std::string attackers() { return testing::sdp("198.51.100.99", "m=image 4000 udptl t38"); }
};

TEST_F(StrangersTest, AnswerNoInvite) {
    say(out(), request("INVITE", 1, ""), ours());
    for (const int status : {183, 200}) {
        say(from_stranger(), response(status, "INVITE", 1), attackers());
        expect_turned_away();
    }
    say(in(), response(200, "INVITE", 1), theirs());
    EXPECT_EQ(events<OpenEvent>().size(), 1U) << "the one who was asked does";
}

TEST_F(StrangersTest, AnswerNoReinvite) {
    call();
    say(out(), request("INVITE", 2), ours(5400));
    say(from_stranger(), response(200, "INVITE", 2), attackers());
    expect_turned_away();
    say(from_stranger(), response(481, "INVITE", 2));
    expect_turned_away();
}

TEST_F(StrangersTest, AnswerNoOfferByAckOrPrack) {
    say(in(), request("INVITE", 1, ""));
    say(out(), response(200, "INVITE", 1), ours());
    say(from_stranger(), request("ACK", 1), attackers());
    expect_turned_away();
    say(from_stranger(), request("PRACK", 2) + "\nRAck: 1 1 INVITE", attackers());
    expect_turned_away();
    say(in(), request("ACK", 1), theirs());
    EXPECT_EQ(events<OpenEvent>().size(), 1U);
}

TEST_F(StrangersTest, CancelAndHangUpNothing) {
    say(out(), request("INVITE", 1, ""), ours());
    say(in(), response(183, "INVITE", 1), theirs());
    say(from_stranger(), request("CANCEL", 1, ""));
    expect_turned_away();
    say(in(), response(200, "INVITE", 1), theirs());
    say(from_stranger(), request("BYE", 2));
    expect_turned_away();
    pass_time(40);
    EXPECT_TRUE(events<CloseEvent>().empty());
}

TEST_F(StrangersTest, MoveMediaOnlyWhenTheInsideHostAgrees) {
    call();
    say(from_stranger(), called(request("INVITE", 5)), attackers());
    EXPECT_TRUE(plan_.changes.empty()) << "an offer from outside opens nothing";
    say(from_stranger(), called(request("BYE", 6)));
    expect_turned_away();
    say(in(), called(request("INVITE", 2)), testing::sdp("203.0.113.30", "m=image 50000 udptl t38"));
    say(out(), called(response(200, "INVITE", 2)), ours(5400));
    EXPECT_EQ(events<OpenEvent>().size(), 1U) << "and makes nobody's own request late";
    // The server of a farm whose addresses nobody has named: what the inside host answers, it has understood.
    say(from_stranger(), called(request("INVITE", 7)), attackers());
    say(from_stranger().reversed(), called(response(200, "INVITE", 7)), ours(5400));
    EXPECT_EQ(events<OpenEvent>().size(), 1U);
    say(from_stranger(), called(request("BYE", 8)));
    EXPECT_EQ(events<CloseEvent>().size(), 1U) << "he has a part in it now";
}

TEST_F(StrangersTest, BeginNoDialogsInTheCallOfOthers) {
    call();
    const std::size_t dialogs = signalling_.calls().find(make_call_key("c1"))->dialogs.size();
    say(from_stranger(), request("UPDATE", 1, ";tag=other"), attackers());
    expect_turned_away();
    EXPECT_EQ(signalling_.calls().find(make_call_key("c1"))->dialogs.size(), dialogs);
}

TEST_F(StrangersTest, UseUpNoneOfAnInsideHostsOwnCalls) {
    limits_.calls_per_host = 4;
    limits_.calls_per_peer = 3;
    for (int i = 0; i < 10; ++i) {
        call_id_ = "from outside " + std::to_string(i);
        say(in(), request("INVITE", 1, ""), theirs());
    }
    EXPECT_EQ(signalling_.calls().size(), 2U) << "half of them";
    call_id_ = "from outside 0";
    say(out(), response(180, "INVITE", 1));
    say(out(), response(200, "INVITE", 1), ours());
    call_id_ = "one more";
    say(in(), request("INVITE", 1, ""), theirs());
    EXPECT_EQ(signalling_.calls().size(), 3U) << "an answered call is the inside host's own";
    call_id_ = "from inside";
    say(out(), request("INVITE", 1, ""), ours());
    EXPECT_EQ(signalling_.calls().size(), 4U);
    EXPECT_TRUE(events<RefuseEvent>().empty());
}

TEST_F(StrangersTest, UseUpNothingWithCallsThatAreRefused) {
    limits_.calls_per_host = 4;
    limits_.calls_per_peer = 3;
    for (int i = 0; i < 100; ++i) {
        call_id_ = "refused " + std::to_string(i);
        say(in(), request("INVITE", 1, ""), theirs());
        EXPECT_TRUE(events<RefuseEvent>().empty()) << i;
        say(out(), response(486, "INVITE", 1));
        say(out(), response(486, "INVITE", 1));
    }
    EXPECT_EQ(signalling_.calls().size(), 2U) << "the last ones, for what is sent again";
    for (int i = 0; i < 4; ++i) {
        call_id_ = "from inside " + std::to_string(i);
        say(out(), request("INVITE", 1, ""), ours());
        EXPECT_TRUE(events<RefuseEvent>().empty()) << i;
    }
    EXPECT_EQ(signalling_.calls().size(), 4U);
}

TEST_F(StrangersTest, FreeNoPlaceOfACallThatRingsOn) {
    limits_.calls_per_peer = 1;
    call_id_ = "ringing";
    say(in(), request("INVITE", 1, ""), theirs());
    say(out(), response(486, "INVITE", 1));
    say(in(), request("INVITE", 2, ""), theirs());
    say(out(), response(180, "INVITE", 2));
    call_id_ = "another";
    say(in(), request("INVITE", 1, ""), theirs());
    EXPECT_EQ(events<RefuseEvent>().size(), 1U);
}

TEST_F(StrangersTest, CallOnlySoManyAtOnce) {
    limits_.calls_per_peer = 1;
    say(in(), request("INVITE", 1, ""), theirs());
    call_id_ = "c2";
    say(in(), request("INVITE", 1, ""), theirs());
    ASSERT_EQ(events<RefuseEvent>().size(), 1U);
    EXPECT_EQ(events<RefuseEvent>()[0].reason, RefuseReason::too_many_calls);
    say(from_stranger(), request("INVITE", 1, ""), theirs());
    EXPECT_TRUE(events<RefuseEvent>().empty()) << "another host has its own share";
    call_id_ = "c1";
    say(out(), response(486, "INVITE", 1));
    pass_time(1000);
    pass_time(1100);
    EXPECT_EQ(signalling_.calls().size(), 0U);
    call_id_ = "c3";
    say(in(), request("INVITE", 1, ""), theirs(), 1100);
    EXPECT_TRUE(events<RefuseEvent>().empty()) << "what has ended counts no more";
}

}  // namespace
}  // namespace messenger::alg
