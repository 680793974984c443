// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/account_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "tests/daemon/explain/recorded_call.h"

namespace messenger::daemon {
namespace {

using namespace messenger::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class AccountReportTest : public ::testing::Test {
   protected:
    AccountReportTest() { report_.begin_capture("call.pcap"); }

    const std::string& finish() {
        report_.end_capture(recorder_.summary());
        std::istringstream lines(out_);
        for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
        return out_;
    }

    const alg::Policy policy_ = policy_of_captures();
    std::string out_;
    AccountReport report_{out_, policy_, false, alg::HashKey{1, 2}};
    Recorder recorder_{report_};
};

TEST_F(AccountReportTest, TellsACallInOrder) {
    recorder_.call_begins(0);
    for (int i = 0; i < 3; ++i) recorder_.udp(2 + i, kBobMedia, kAliceMedia, "rtp");
    recorder_.udp(5, kAliceMedia, kBobMedia, "rtp");
    recorder_.udp(6, kAlice, kBob, kBye);
    EXPECT_EQ(finish(), R"(call.pcap
=========

Call call-1@10.0.0.5
  from Alice <sip:alice@example.com>;tag=a
  to   Bob <sip:bob@example.com>
  2006-10-04 22:13:20.000 UTC
      0.000  INVITE sip:bob@example.com               10.0.0.5:5060 > 192.0.2.9:5060
               offers audio at 10.0.0.5 port 4000 (RTP/AVP, sendrecv)
      1.000  200 OK (INVITE)                          192.0.2.9:5060 > 10.0.0.5:5060
               answers audio at 192.0.2.9 port 6000 (RTP/AVP, sendrecv)
               OPENS  10.0.0.5:4000/udp to 192.0.2.9: audio rtp; waits 60 s
               OPENS  10.0.0.5:4001/udp to 192.0.2.9: audio rtcp; waits 60 s
      2.000  audio rtp: first packet 192.0.2.9:6000 > 10.0.0.5:4000
      5.000  audio rtp: first packet 10.0.0.5:4000 > 192.0.2.9:6000
      6.000  BYE sip:bob@example.com                  10.0.0.5:5060 > 192.0.2.9:5060
               CLOSES 10.0.0.5:4000/udp to 192.0.2.9: audio rtp; BYE; 3 in, 1 out
               CLOSES 10.0.0.5:4001/udp to 192.0.2.9: audio rtcp; BYE; no packets

0 packets in 6.000 s: 3 SIP messages, 1 call, 2 pinholes opened (0 still open), 0 refused.

)");
}

TEST_F(AccountReportTest, SaysWhatIsStillOpenAtTheEnd) {
    recorder_.call_begins(0);
    EXPECT_THAT(finish(), HasSubstr("still open at the end of the capture: 10.0.0.5:4000/udp to 192.0.2.9"));
}

TEST_F(AccountReportTest, SaysWhenSilenceClosedAPinhole) {
    recorder_.call_begins(0);
    recorder_.udp(2, kBobMedia, kAliceMedia, "rtp");
    recorder_.udp(500, kAlice, kBob, "\r\n\r\n");
    finish();
    EXPECT_THAT(out_, HasSubstr("     61.000  (silence)\n               CLOSES 10.0.0.5:4001/udp to 192.0.2.9: audio "
                                "rtcp; never used; no packets\n"));
    EXPECT_THAT(out_, HasSubstr("    122.000  (silence)\n               CLOSES 10.0.0.5:4000/udp to 192.0.2.9: audio "
                                "rtp; silence; 1 in, 0 out\n"));
}

TEST_F(AccountReportTest, TellsRetransmissionsOnce) {
    for (int i = 0; i < 4; ++i) {
        recorder_.udp(i, kAlice, kBob, sip("INVITE sip:bob@example.com SIP/2.0", "1 INVITE", ""));
    }
    EXPECT_THAT(finish(), HasSubstr("(sent 3 times more)"));
}

TEST_F(AccountReportTest, SaysWhyNothingWasOpened) {
    recorder_.udp(0, kAlice, kBob, kInvite);
    EXPECT_THAT(finish(), HasSubstr("Nothing was opened: the offer was not answered."));
}

TEST_F(AccountReportTest, NamesSessionsThatAreNotAudioOrVideo) {
    const std::string lines = "m=application 1503 tcp msdata\r\nm=x-ms-ra 6000 tcp null\r\n";
    recorder_.udp(0, kAlice, kBob, sip("INVITE sip:bob@example.com SIP/2.0", "1 INVITE", "", sdp(kAliceMedia) + lines));
    EXPECT_THAT(finish(), AllOf(HasSubstr("SESSION application sharing, whiteboard (application)\n"),
                                HasSubstr("SESSION remote assistance (x-ms-ra); it passes and opens nothing\n"),
                                Not(HasSubstr("SESSION audio"))));
}

TEST_F(AccountReportTest, ListsInvitationsOutsideOfCalls) {
    std::string text = sip("MESSAGE sip:bob@example.com SIP/2.0", "1 MESSAGE", "",
                           "Invitation-Command: INVITE\r\nInvitation-Cookie: 1\r\nApplication-Name: Chess\r\n");
    text.replace(text.find("application/sdp"), 15, "text/x-msmsgsinvite");
    recorder_.udp(0, kAlice, kBob, text);
    EXPECT_THAT(finish(), HasSubstr("Invitations outside of calls\n  10.0.0.5:5060 > 192.0.2.9:5060: an unknown "
                                    "invitation (Chess); it passes and opens nothing\n"));
}

TEST_F(AccountReportTest, TellsRefusalsInTheirCall) {
    recorder_.udp(0, kAlice, kBob,
                  sip("INVITE sip:bob@example.com SIP/2.0", "1 INVITE", "", sdp(endpoint("10.0.0.77", 4000))));
    EXPECT_THAT(finish(), HasSubstr("REFUSES: 10.0.0.5:5060 of sip:alice@example.com asks for 10.0.0.77:4000: "));
    EXPECT_THAT(out_, HasSubstr(" 1 refused."));
}

TEST_F(AccountReportTest, CountsMessagesOutsideOfCallsAndListsRegistrations) {
    recorder_.udp(0, kAlice, kBob, sip("OPTIONS sip:bob@example.com SIP/2.0", "1 OPTIONS", ""));
    std::string request = sip("REGISTER sip:example.com SIP/2.0", "3 REGISTER", "", "", "reg");
    const std::string contact = "Contact: <sip:alice@10.0.0.5:5060>;expires=600\r\n";
    recorder_.udp(1, kAlice, kBob, request.insert(request.find("CSeq"), contact));
    std::string response = sip("SIP/2.0 200 OK", "3 REGISTER", "r", "", "reg");
    recorder_.udp(2, kBob, kAlice, response.insert(response.find("CSeq"), contact));
    EXPECT_THAT(finish(), HasSubstr("Registered\n  10.0.0.5:5060 at 192.0.2.9:5060, for 600 s\n"));
    EXPECT_THAT(out_, HasSubstr("SIP outside of calls\n  OPTIONS 1, REGISTER 1, responses 1\n"));
}

TEST_F(AccountReportTest, ListsNoMoreThanAFewFlowsThatAreNotSip) {
    for (std::uint16_t i = 0; i < 30; ++i) {
        alg::Plan plan;
        alg::OpaqueEvent event;
        event.tuple = {endpoint("10.0.0.5", static_cast<std::uint16_t>(2000 + i)), kBob, alg::Transport::tcp};
        plan.events.emplace_back(event);
        report_.on_plan(Recorder::at(i), plan);
    }
    EXPECT_THAT(finish(), HasSubstr("... and 10 more\n"));
}

TEST_F(AccountReportTest, KeepsControlCharactersFromTheTerminal) {
    std::string invite = kInvite;
    invite.replace(invite.find("Alice"), 5, "\"\x1b[2J\"");
    recorder_.udp(0, kAlice, kBob, invite.insert(invite.find("\r\nCSeq"), "\x07\xC2\x9B"));
    EXPECT_THAT(finish(), HasSubstr("Call call-1@10.0.0.5\\x07\\xC2\\x9B\n"));
    EXPECT_THAT(out_, HasSubstr("from \"\\x1B[2J\" <sip:alice"));
    EXPECT_THAT(out_, Not(HasSubstr("\x1b")));
}

TEST_F(AccountReportTest, BeginsAnewWithEachCapture) {
    recorder_.call_begins(0);
    finish();
    out_.clear();
    report_.begin_capture("second.pcap");
    report_.end_capture({});
    EXPECT_EQ(out_,
              "second.pcap\n===========\n\n"
              "0 packets in 0.000 s: 0 SIP messages, 0 calls, 0 pinholes opened (0 still open), 0 refused.\n\n");
}

}  // namespace
}  // namespace messenger::daemon
