// SPDX-License-Identifier: GPL-2.0-or-later
// Whole calls are in tests/scenario; here is what they cannot show.
#include "alg/call/signalling.h"

#include "tests/alg/call/signalling_fixture.h"

namespace messenger::alg {
namespace {

using testing::address;
using testing::endpoint;

class SignallingTest : public SignallingFixture {
   protected:
    PinholeKey held_{Transport::udp, false, endpoint("10.1.2.3", 5350), address("203.0.113.30")};
    CallLabel label_{make_call_key("c1"), dialog_key(make_tag("a"), make_tag("b")), "c1"};

    void restore() {
        signalling_.restore(held_, {MediaKind::audio, PortRole::rtp}, label_, std::chrono::seconds(100), at(0));
    }
};

TEST_F(SignallingTest, ClosesARestoredPinholeWithTheByeOfEitherParty) {
    for (const bool caller : {true, false}) {
        restore();
        if (caller) {
            say(out(), request("BYE", 7));
        } else {
            say(in(), "BYE sip:a@example.com SIP/2.0\nFrom: <sip:b@x>;tag=b\nTo: <sip:a@x>;tag=a\nCSeq: 1 BYE");
        }
        ASSERT_EQ(plan_.changes.size(), 1U);
        EXPECT_EQ(plan_.changes[0].kind, PinholeChange::Kind::remove);
        EXPECT_EQ(plan_.changes[0].key, held_);
        pass_time(100);
        EXPECT_EQ(signalling_.calls().size(), 0U);
    }
}

TEST_F(SignallingTest, LeavesARestoredPinholeAloneWhenTheTagsAreWrong) {
    restore();
    say(out(), request("BYE", 7, ";tag=other"));
    EXPECT_TRUE(plan_.changes.empty());
    EXPECT_EQ(events<RefuseEvent>().at(0).reason, RefuseReason::wrong_dialog);
}

TEST_F(SignallingTest, ReplacesARestoredPinholeByTheNextNegotiation) {
    restore();
    say(out(), request("INVITE", 7), ours());
    EXPECT_TRUE(plan_.changes.empty()) << "not before the answer";
    say(in(), response(200, "INVITE", 7), theirs());
    EXPECT_TRUE(plan_.changes.empty()) << "the same port and remote";
    say(out(), request("INVITE", 8), ours(5400));
    say(in(), response(200, "INVITE", 8), theirs());
    ASSERT_EQ(plan_.changes.size(), 1U);
    EXPECT_EQ(plan_.changes[0].kind, PinholeChange::Kind::remove);
    EXPECT_EQ(plan_.changes[0].key, held_);
}

TEST_F(SignallingTest, LetsARestoredPinholeDieOfSilence) {
    restore();
    pass_time(100);
    ASSERT_EQ(plan_.changes.size(), 1U);
    EXPECT_EQ(plan_.changes[0].kind, PinholeChange::Kind::forget);
}

TEST_F(SignallingTest, MakesNoCallOfWhatIsNoInvitation) {
    for (const char* method : {"BYE", "ACK", "PRACK", "CANCEL", "OPTIONS", "MESSAGE"}) {
        say(out(), request(method, 1), ours());
        EXPECT_EQ(signalling_.calls().size(), 0U) << method;
    }
    say(in(), response(200, "INVITE", 1), theirs());
    EXPECT_EQ(signalling_.calls().size(), 0U);
}

TEST_F(SignallingTest, SaysWhichDescriptionsPassed) {
    say(out(), request("INVITE", 1, ""), ours());
    ASSERT_EQ(events<MediaEvent>().size(), 1U);
    EXPECT_FALSE(events<MediaEvent>()[0].answer);
    EXPECT_EQ(events<MediaEvent>()[0].port, 5350);
    say(in(), response(200, "INVITE", 1), theirs());
    EXPECT_TRUE(events<MediaEvent>().at(0).answer);
}

TEST_F(SignallingTest, KeepsADialogOutOfTheBlueOnlyForTheTimeOfAnInvite) {
    say(in(), "UPDATE sip:a@x SIP/2.0\nFrom: <sip:b@x>;tag=p\nTo: <sip:a@x>;tag=q\nCSeq: 1 UPDATE", theirs());
    EXPECT_EQ(signalling_.calls().size(), 1U);
    pass_time(180);
    pass_time(212);
    EXPECT_EQ(signalling_.calls().size(), 0U);
}

TEST_F(SignallingTest, ByeInOneEarlyDialogLeavesTheOthers) {
    say(out(), request("INVITE", 1, ""), ours());
    say(in(), response(180, "INVITE", 1, "b"));
    say(out(), request("BYE", 2));
    say(in(), response(200, "INVITE", 1, "other"), theirs());
    EXPECT_EQ(events<OpenEvent>().size(), 1U);
}

TEST_F(SignallingTest, ComparesTheTextOfACallId) {
    say(out(), request("INVITE", 1, ""), ours());
    EXPECT_EQ(signalling_.calls().size(), 1U);
    ASSERT_NE(signalling_.calls().all().begin()->second.id(), "");
    EXPECT_EQ(signalling_.calls().all().begin()->second.id(), "c1");
}

}  // namespace
}  // namespace messenger::alg
