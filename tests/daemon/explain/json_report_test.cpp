// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/json_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/daemon/explain/recorded_call.h"

namespace messenger::daemon {
namespace {

using namespace messenger::testing;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

class JsonReportTest : public ::testing::Test {
   protected:
    [[nodiscard]] std::vector<json> events(std::string_view name) const {
        std::vector<json> found;
        std::istringstream lines(out_);
        for (std::string line; std::getline(lines, line);) {
            json event = json::parse(line);
            if (event.at("event") == name) found.push_back(std::move(event));
        }
        return found;
    }

    std::string out_;
    JsonReport report_{out_};
    Recorder recorder_{report_};
};

TEST_F(JsonReportTest, WritesWhatTheManualSays) {
    recorder_.call_begins(0.123456);
    EXPECT_THAT(out_, HasSubstr(R"({"event":"message","time":1160000000.123456,"transport":"udp",)"
                                R"("src":"10.0.0.5:5060","dst":"192.0.2.9:5060",)"
                                R"("summary":"INVITE sip:bob@example.com","call_id":"call-1@10.0.0.5",)"));
    EXPECT_THAT(out_, HasSubstr("\"summary\":\"200 OK (INVITE)\""));
    EXPECT_THAT(out_, HasSubstr(R"({"event":"open","time":1160000001.123456,"proto":"udp",)"
                                R"("inside":"10.0.0.5:4000","remote":"192.0.2.9:*","purpose":"audio rtp",)"));
    recorder_.udp(2, kAlice, kBob, kBye);
    EXPECT_THAT(out_, HasSubstr(R"({"event":"close","time":1160000002.000000,"proto":"udp",)"
                                R"("inside":"10.0.0.5:4000","remote":"192.0.2.9:*","purpose":"audio rtp",)"
                                R"("reason":"bye","call_id":"call-1@10.0.0.5"})"));
    ASSERT_EQ(events("open").size(), 2U);
    ASSERT_EQ(events("close").size(), 2U);
    ASSERT_EQ(events("media").size(), 2U);
    EXPECT_EQ(events("media")[0]["role"], "offer");
    EXPECT_EQ(events("media")[1]["role"], "answer");
    EXPECT_EQ(events("media")[1]["address"], "192.0.2.9");
    EXPECT_EQ(events("media")[1]["port"], 6000);
    ASSERT_EQ(events("session").size(), 1U);
    EXPECT_EQ(events("session")[0]["kind"], "audio_video");
    EXPECT_EQ(events("session")[0]["what"], "audio");
    EXPECT_EQ(events("session")[0]["opens_ports"], true);
}

TEST_F(JsonReportTest, GivesEveryRefusalItsReasonAndASentence) {
    recorder_.udp(0, kAlice, kBob,
                  sip("INVITE sip:bob@example.com SIP/2.0", "1 INVITE", "", sdp(endpoint("10.0.0.77", 4000))));
    ASSERT_EQ(events("refuse").size(), 1U);
    const json refusal = events("refuse")[0];
    EXPECT_EQ(refusal["reason"], "not_sender_address");
    EXPECT_THAT(refusal["detail"], AllOf(HasSubstr("10.0.0.5:5060"), HasSubstr("10.0.0.77:4000")));
    EXPECT_EQ(refusal["call_id"], "call-1@10.0.0.5");
}

TEST_F(JsonReportTest, WritesOpaqueFlows) {
    TcpSegment segment;
    segment.sequence = 1;
    segment.syn = true;
    const Bytes opening = tcp_packet(kAlice, kBob, segment, "");
    segment.syn = false;
    segment.ack = true;
    segment.sequence = 2;
    const Bytes hello = tcp_packet(kAlice, kBob, segment, "GET / HTTP/1.1\r\n\r\n");
    CaptureRun run(policy_of_captures(), alg::Limits{}, alg::HashKey{1, 2}, report_);
    run.on_packet({Recorder::at(0), 1, opening});
    run.on_packet({Recorder::at(1), 2, hello});
    ASSERT_EQ(events("opaque").size(), 1U);
    EXPECT_EQ(events("opaque")[0]["reason"], "not_sip");
    EXPECT_EQ(events("opaque")[0]["src"], "10.0.0.5:5060");
}

TEST_F(JsonReportTest, StaysJsonWhateverTheWireBrings) {
    std::string invite = kInvite;
    invite.replace(invite.find("Alice"), 5, "\"\x1b[2J\\\"\"");
    recorder_.udp(0, kAlice, kBob, invite.insert(invite.find("\r\nCSeq"), "\"\xFF\x01\\"));
    ASSERT_EQ(events("message").size(), 1U);
    EXPECT_EQ(events("message")[0]["call_id"], "call-1@10.0.0.5\"\uFFFD\x01\\");
    EXPECT_EQ(events("message")[0]["from"], "\"\x1b[2J\\\"\" <sip:alice@example.com>;tag=a");
    EXPECT_EQ(out_.find('\x1b'), std::string::npos);
}

TEST_F(JsonReportTest, CarriesALongCallIdInEveryEvent) {
    const std::string call_id(300, 'c');
    recorder_.udp(0, kAlice, kBob,
                  sip("INVITE sip:bob@example.com SIP/2.0", "1 INVITE", "", sdp(kAliceMedia), call_id));
    recorder_.udp(1, kBob, kAlice, sip("SIP/2.0 200 OK", "1 INVITE", "b", sdp(kBobMedia), call_id));
    recorder_.udp(200, kAlice, kBob, "\r\n\r\n");
    for (const auto* name : {"message", "media", "open", "close"}) {
        ASSERT_EQ(events(name).size(), 2U) << name;
        EXPECT_EQ(events(name)[0]["call_id"], call_id) << name;
    }
}

TEST_F(JsonReportTest, ClosesNothingBecauseTheCaptureEnds) {
    recorder_.call_begins(0);
    report_.end_capture(recorder_.summary());
    EXPECT_TRUE(events("close").empty());
    ASSERT_EQ(events("summary").size(), 1U);
    EXPECT_EQ(events("summary")[0]["open_pinholes"], 2);
    EXPECT_EQ(events("summary")[0]["open_calls"], 1);
    EXPECT_EQ(events("summary")[0]["messages"], 2);
}

}  // namespace
}  // namespace messenger::daemon
