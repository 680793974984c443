// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/pipeline.h"

#include <string>

#include "tests/daemon/gateway/pipeline_fixture.h"

namespace messenger::daemon {
namespace {

TEST_F(PipelineTest, LetsThePacketThatAnnouncesAPinholeGoOnlyWhenThePinholeIsInTheKernel) {
    establish();
    EXPECT_FALSE(run());
    ASSERT_EQ(sink_.verdicts.size(), 2U);
    EXPECT_EQ(kernel_.commits, 1U) << "one transaction for the whole batch";
    EXPECT_EQ(pipeline_.counters().changes, 1U) << "the answer opens, the INVITE does not";
    EXPECT_EQ(sink_.open_before, (std::vector<std::size_t>{2, 2})) << "RTP and RTCP are open before any verdict";
    for (const Verdict& verdict : sink_.verdicts) EXPECT_EQ(verdict.action, Verdict::Action::accept);
}

TEST_F(PipelineTest, ClosesBeforeTheByeGoesOn) {
    establish();
    EXPECT_FALSE(run());
    queue(sip("BYE sip:b@x SIP/2.0", "2 BYE", "b", ""), true);
    EXPECT_FALSE(run());
    ASSERT_EQ(sink_.open_before.size(), 3U);
    EXPECT_EQ(sink_.open_before.back(), 0U);
}

TEST_F(PipelineTest, SendsNothingToTheKernelForMessagesThatOpenNothing) {
    queue(sip("OPTIONS sip:b@x SIP/2.0", "1 OPTIONS", "", ""), true);
    EXPECT_FALSE(run());
    EXPECT_EQ(kernel_.commits, 0U);
    EXPECT_EQ(pipeline_.counters().changes, 0U);
    ASSERT_EQ(sink_.verdicts.size(), 1U);
    EXPECT_FALSE(sink_.verdicts[0].mark);
    EXPECT_TRUE(sink_.verdicts[0].replacement.empty());
}

TEST_F(PipelineTest, GivesTheFallbackVerdictWhenTheKernelRefuses) {
    kernel_.fail_next = nft::NftError{nft::Failure::set_full, 23, "add element", 0};
    establish();
    const auto error = run();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->failure, nft::Failure::set_full);
    ASSERT_EQ(sink_.verdicts.size(), 2U) << "every packet gets one verdict";
    EXPECT_EQ(pipeline_.counters().fallbacks, 1U) << "the INVITE opened nothing, so nothing had failed for it";
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 0U);
}

TEST_F(PipelineTest, TurnsASecondConnectionToTheSameFileTransferAway) {
    alg::CallLabel label;
    label.call = 7;
    const alg::PinholeKey key{alg::Transport::tcp, false, testing::endpoint("10.1.2.3", 6891),
                              testing::endpoint("203.0.113.9", 0).address};
    engine_.restore(key, {alg::MediaKind::application, alg::PortRole::file}, label, std::chrono::minutes(5),
                    alg::TimePoint(std::chrono::seconds(1)));
    const auto connect = [&](std::uint16_t port, testing::TcpSegment segment) {
        packets_.push_back(testing::tcp_packet(testing::endpoint("203.0.113.9", port), key.inside, segment, ""));
        QueuedPacket packet;
        packet.queue = kAdmit;
        packet.id = static_cast<std::uint32_t>(packets_.size());
        queued_.push_back(packet);
        EXPECT_FALSE(run());
        return sink_.verdicts.back().action;
    };
    EXPECT_EQ(connect(40000, {.syn = true}), Verdict::Action::accept);
    EXPECT_EQ(connect(40000, {.syn = true}), Verdict::Action::accept) << "sent again";
    EXPECT_EQ(connect(40001, {.syn = true}), Verdict::Action::drop);
    EXPECT_EQ(connect(40000, {.sequence = 9, .ack = true, .rst = true}), Verdict::Action::accept);
    EXPECT_EQ(events_.counts().refused.at(static_cast<std::size_t>(alg::RefuseReason::second_connection)), 1U);
    EXPECT_NE(text_.str().find("203.0.113.9:40001 (sending to 10.1.2.3:6891) asked for port 6891: a file transfer has"),
              std::string::npos)
        << text_.str();
    EXPECT_FALSE(pipeline_.expire(alg::TimePoint(std::chrono::seconds(20))));
    EXPECT_EQ(engine_.pinholes().size(), 0U) << "it has ended with its connection";
}

TEST_F(PipelineTest, SaysInTheLogWhatItOpenedAndForWhom) {
    establish();
    EXPECT_FALSE(run());
    EXPECT_NE(text_.str().find("opened UDP 10.1.2.3:40000 for 203.0.113.9, audio rtp"), std::string::npos)
        << text_.str();
}

TEST_F(PipelineTest, DoesNotReadWhatIsNotFromWhereItSays) {
    static constexpr std::uint32_t kLan = 2;
    static constexpr std::uint32_t kWan = 3;
    SourceCheck sources([](const alg::IpAddress&) { return std::optional<std::uint32_t>(kLan); }, {1, 2});
    pipeline_.set_source_check(sources);
    establish();
    queued_[0].indev = kWan;
    queued_[1].indev = kWan;
    EXPECT_FALSE(run());
    EXPECT_EQ(kernel_.commits, 0U) << "the INVITE only pretends to be from inside, and what answers it is no answer";
    EXPECT_EQ(sink_.verdicts.at(0).action, Verdict::Action::accept) << "the firewall decides";
    EXPECT_EQ(pipeline_.counters().forged, 1U);
    EXPECT_NE(text_.str().find("10.1.2.3"), std::string::npos) << text_.str();
    establish();
    queued_[0].indev = kLan;
    queued_[1].indev = kWan;
    EXPECT_FALSE(run());
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 2U);
}

}  // namespace
}  // namespace messenger::daemon
