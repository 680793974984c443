// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/capture_run.h"

#include <gtest/gtest.h>

#include <variant>
#include <vector>

#include "tests/daemon/explain/recorded_call.h"

namespace messenger::daemon {
namespace {

using namespace messenger::testing;

/// Remembers when what happened.
class Notes final : public Report {
   public:
    using Report::Report;
    void begin_capture(const std::string& /*file*/) override {}
    void on_plan(alg::TimePoint now, const alg::Plan& plan) override {
        for (const alg::Event& event : plan.events) {
            times.push_back(now);
            if (std::holds_alternative<alg::OpenEvent>(event)) opened.push_back(now);
            if (const auto* close = std::get_if<alg::CloseEvent>(&event)) closed.emplace_back(now, close->reason);
        }
    }
    void on_media(alg::TimePoint /*now*/, const alg::FlowTuple& /*tuple*/) override { ++media; }
    void end_capture(const CaptureSummary& /*summary*/) override {}

    std::vector<alg::TimePoint> times;
    std::vector<alg::TimePoint> opened;
    std::vector<std::pair<alg::TimePoint, alg::CloseReason>> closed;
    std::size_t media = 0;
};

class CaptureRunTest : public ::testing::Test {
   protected:
    std::string out_;
    Notes notes_{out_};
    Recorder recorder_{notes_};
};

TEST_F(CaptureRunTest, ExpiresAtTheTimeOfExpiryAndBeforeTheNextPacket) {
    recorder_.call_begins(0);
    recorder_.udp(500, kAlice, kBob, kInvite);
    ASSERT_EQ(notes_.closed.size(), 2U);
    for (const auto& [when, reason] : notes_.closed) {
        EXPECT_EQ(when, Recorder::at(61));
        EXPECT_EQ(reason, alg::CloseReason::timeout);
    }
    EXPECT_TRUE(std::is_sorted(notes_.times.begin(), notes_.times.end()));
    EXPECT_EQ(notes_.times.back(), Recorder::at(500));
}

TEST_F(CaptureRunTest, LetsMediaKeepItsPinholeAlive) {
    recorder_.call_begins(0);
    for (int second = 10; second < 300; second += 50) recorder_.udp(second, kBobMedia, kAliceMedia, "rtp");
    EXPECT_EQ(notes_.media, 6U);
    ASSERT_EQ(notes_.closed.size(), 1U) << "of RTCP";
    recorder_.udp(600, kAlice, kBob, "\r\n\r\n");
    ASSERT_EQ(notes_.closed.size(), 2U);
    EXPECT_EQ(notes_.closed[1].first, Recorder::at(260 + 120)) << "after silence";
}

TEST_F(CaptureRunTest, CountsNoPacketOfAnotherHost) {
    recorder_.call_begins(0);
    recorder_.udp(2, endpoint("198.51.100.66", 6000), kAliceMedia, "rtp");
    EXPECT_EQ(notes_.media, 0U);
}

TEST_F(CaptureRunTest, TakesATimeThatJumpsBackForTheLatest) {
    recorder_.udp(100, kAlice, kBob, kInvite);
    recorder_.udp(40, kBob, kAlice, kOk);
    recorder_.udp(101, kAlice, kBob, kBye);
    ASSERT_EQ(notes_.opened.size(), 2U);
    EXPECT_EQ(notes_.opened[0], Recorder::at(100));
    EXPECT_TRUE(std::is_sorted(notes_.times.begin(), notes_.times.end()));
    EXPECT_EQ(recorder_.summary().packets_back, 1U);
    EXPECT_EQ(recorder_.summary().last, Recorder::at(101));
}

TEST_F(CaptureRunTest, CountsWhatIsNeitherUdpNorTcp) {
    CaptureRun run(policy_of_captures(), alg::Limits{}, alg::HashKey{1, 2}, notes_);
    const Bytes icmp = ip_packet(kAlice.address, kBob.address, 1, Bytes(8));
    run.on_packet({Recorder::at(0), 1, icmp});
    CaptureSummary summary;
    run.describe(summary);
    EXPECT_EQ(summary.other_packets, 1U);
}

TEST(LimitsForCaptures, LeaveTimeoutsAlone) {
    const alg::Limits limits;
    const alg::Limits captures = limits_for_captures(limits);
    EXPECT_EQ(captures.first_packet, limits.first_packet);
    EXPECT_EQ(captures.media_silence, limits.media_silence);
    EXPECT_EQ(captures.messages_per_second, 0U);
    EXPECT_GT(captures.calls_per_host, limits.calls);
    EXPECT_GT(captures.pinholes_per_host, limits.pinholes);
}

}  // namespace
}  // namespace messenger::daemon
