// SPDX-License-Identifier: GPL-2.0-or-later
// What responses do to a call; whole calls are in tests/scenario.
#include "tests/alg/call/signalling_fixture.h"

namespace messenger::alg {
namespace {

class ResponsesTest : public SignallingFixture {
   protected:
    void ring_with_media() {
        say(out(), request("INVITE", 1, ""), ours());
        say(in(), response(183, "INVITE", 1), theirs());
        ASSERT_EQ(events<OpenEvent>().size(), 1U);
    }
};

TEST_F(ResponsesTest, EndWhatIsOpenWithEveryFinalFailure) {
    for (const int status : {300, 302, 401, 404, 407, 408, 480, 486, 488, 500, 503, 600, 603}) {
        ring_with_media();
        say(in(), response(status, "INVITE", 1));
        ASSERT_EQ(events<CloseEvent>().size(), 1U) << status;
        EXPECT_EQ(events<CloseEvent>()[0].reason, CloseReason::failed);
        pass_time(1000);
        ASSERT_EQ(signalling_.calls().size(), 0U);
    }
}

TEST_F(ResponsesTest, EndTheInviteWhateverTagTheFailureHas) {
    ring_with_media();
    say(in(), response(486, "INVITE", 1, "some-other-tag"));
    EXPECT_EQ(events<CloseEvent>().size(), 1U);
}

TEST_F(ResponsesTest, EndNothingWithTheCSeqOfAnotherInvite) {
    ring_with_media();
    say(in(), response(486, "INVITE", 2));
    EXPECT_TRUE(events<CloseEvent>().empty());
}

TEST_F(ResponsesTest, OpenNothingWithTheCSeqOfAnotherInvite) {
    say(out(), request("INVITE", 2, ""), ours());
    say(in(), response(200, "INVITE", 1), theirs());
    EXPECT_TRUE(events<OpenEvent>().empty());
}

TEST_F(ResponsesTest, LeaveTheCallAloneWhenTheyAnswerSomethingElse) {
    ring_with_media();
    for (const char* method : {"BYE", "CANCEL", "OPTIONS", "INFO"}) {
        say(in(), response(481, method, 1), theirs());
        EXPECT_TRUE(plan_.changes.empty()) << method;
    }
}

TEST_F(ResponsesTest, EndAConfirmedDialogOnlyWith408And481) {
    ring_with_media();
    say(in(), response(200, "INVITE", 1), theirs());
    for (const int status : {400, 401, 407, 488, 491, 500, 603}) {
        say(out(), request("INVITE", status), ours());
        say(in(), response(status, "INVITE", status));
        EXPECT_TRUE(events<CloseEvent>().empty()) << status;
    }
    say(out(), request("INVITE", 1000), ours());
    say(in(), response(408, "INVITE", 1000));
    EXPECT_EQ(events<CloseEvent>().size(), 1U);
}

TEST_F(ResponsesTest, SetTheSessionTimer) {
    ring_with_media();
    say(in(), response(200, "INVITE", 1) + "\nSession-Expires: 20;refresher=uas", theirs());
    pass_time(51);
    EXPECT_TRUE(events<CloseEvent>().empty());
    pass_time(52);
    ASSERT_EQ(events<CloseEvent>().size(), 1U);
    EXPECT_EQ(events<CloseEvent>()[0].reason, CloseReason::expired);
}

TEST_F(ResponsesTest, KeepTheTimerOfARunningCallWhenA180ComesLate) {
    ring_with_media();
    say(in(), response(200, "INVITE", 1), theirs());
    say(in(), response(180, "INVITE", 1), "", 1);
    ASSERT_TRUE(signalling_.pinholes().find(
        {Transport::udp, false, testing::endpoint("10.1.2.3", 5350), testing::address("203.0.113.30")}));
    for (const auto& [key, call] : signalling_.calls().all()) {
        for (const Dialog& dialog : call.dialogs) {
            if (dialog.state == Dialog::State::confirmed) {
                EXPECT_EQ(dialog.deadline, at(12 * 3600));
            }
        }
    }
}

TEST_F(ResponsesTest, AcceptACalleeWithoutATag) {
    say(out(), request("INVITE", 1, ""), ours());
    say(in(), "SIP/2.0 200 OK\nFrom: <sip:a@example.com>;tag=a\nTo: <sip:b@example.com>\nCSeq: 1 INVITE", theirs());
    EXPECT_EQ(events<OpenEvent>().size(), 1U);
    say(out(), request("BYE", 2, ""));
    EXPECT_EQ(events<CloseEvent>().size(), 1U);
}

}  // namespace
}  // namespace messenger::alg
