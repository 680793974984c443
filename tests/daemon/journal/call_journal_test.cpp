// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/journal/call_journal.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/journal/call_story.h"
#include "tests/daemon/journal/journal_fixture.h"

namespace messenger::daemon {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class CallJournalTest : public JournalFixture {};

TEST_F(CallJournalTest, KnowsACallByItsIdAndByItsBeginning) {
    establish("alpha-1");
    establish("beta-1", 42000);
    ASSERT_NE(journal().find("alpha-1"), nullptr);
    EXPECT_EQ(journal().find("alpha"), journal().find("alpha-1"));
    EXPECT_EQ(journal().find("gamma"), nullptr);
    establish("alpha-2", 43000);
    bool ambiguous = false;
    EXPECT_EQ(journal().find("alpha", &ambiguous), nullptr);
    EXPECT_TRUE(ambiguous);
    EXPECT_NE(journal().find("alpha-1", &ambiguous), nullptr);
}

TEST_F(CallJournalTest, KnowsWhoSpeaksWithWhomAndWhatIsOpen) {
    establish("c1");
    const CallRecord& call = *journal().find("c1");
    EXPECT_EQ(call.inside.to_string(), "10.1.2.3");
    EXPECT_EQ(call.peer.to_string(), "203.0.113.9");
    EXPECT_EQ(call.pinholes.size(), 2U);
    EXPECT_TRUE(journal().is_live(call));
    EXPECT_EQ(listener().open, 2);
    hang_up("c1");
    EXPECT_FALSE(journal().is_live(call));
    EXPECT_FALSE(call.has_open_pinhole());
    EXPECT_EQ(listener().open, 0);
}

TEST_F(CallJournalTest, KeepsOnlyWhatConcernsAnInsideHost) {
    message("OPTIONS sip:b@x SIP/2.0", "1 OPTIONS", "o1", "", 0, true);
    message("BYE sip:b@x SIP/2.0", "1 BYE", "o2", "t", 0, true);
    EXPECT_TRUE(journal().all().empty());
}

TEST_F(CallJournalTest, ForgetsTheOldestThatHasEndedButNoneThatLives) {
    establish("lives");
    for (int i = 0; i < 10; ++i) {
        const std::string id = "call-" + std::to_string(i);
        establish(id, 42000);
        hang_up(id);
        pass(33s);  // the engine forgets it
    }
    EXPECT_NE(journal().find("lives"), nullptr);
    EXPECT_NE(journal().find("call-9"), nullptr);
    EXPECT_EQ(journal().find("call-0"), nullptr);
    EXPECT_LE(journal().all().size(), kRecent + 2);
    EXPECT_EQ(listener().forgotten, static_cast<int>(11 - journal().all().size()));
}

TEST_F(CallJournalTest, StaysWithinItsMemory) {
    for (int i = 0; i < 500; ++i) establish("call-" + std::to_string(i), static_cast<std::uint16_t>(20000 + 2 * i));
    EXPECT_LT(journal().memory(), kBytes + 10'000);
    EXPECT_GT(journal().counters().left_out, 0U);
    EXPECT_EQ(journal().counters().calls, journal().all().size());
}

TEST_F(CallJournalTest, TellsACallInTheWordsOfExplain) {
    establish("c1");
    journal().find("c1")->pinholes[0].traffic = {{10, 2000}, {7, 1400}};
    hang_up("c1");
    const std::string text = tell_call(*journal().find("c1"));
    EXPECT_THAT(text, HasSubstr("INVITE sip:b@x"));
    EXPECT_THAT(text, HasSubstr("offers audio at 10.1.2.3 port 40000"));
    EXPECT_THAT(text, HasSubstr("OPENS  10.1.2.3:40000/udp to 203.0.113.9: audio rtp"));
    EXPECT_THAT(text, HasSubstr("BYE; 10 packets"));
    EXPECT_THAT(text, HasSubstr("(1400 bytes) out"));
    EXPECT_THAT(text, HasSubstr("CLOSES 10.1.2.3:40001/udp"));
    EXPECT_THAT(call_event_lines(*journal().find("c1")), HasSubstr("\"event\":\"open\""));
}

TEST_F(CallJournalTest, DescribesItsStreamsWithBothPorts) {
    establish("c1");
    const auto call = describe_call(journal(), *journal().find("c1"), now());
    EXPECT_EQ(call["state"], "up");
    EXPECT_EQ(call["streams"][0]["inside"], "10.1.2.3:40000");
    EXPECT_EQ(call["streams"][0]["remote"], "203.0.113.9:50000");
    EXPECT_EQ(call["streams"][1]["remote"], "203.0.113.9:50001");
}

TEST_F(CallJournalTest, TakesOverWhatTheEngineHasFromBeforeARestart) {
    const alg::PinholeKey key{alg::Transport::udp, false, testing::endpoint("10.1.2.3", 40000),
                              *alg::IpAddress::parse("203.0.113.9")};
    engine().restore(key, {alg::MediaKind::audio, alg::PortRole::rtp}, {7, 8, ""}, 60s, now());
    engine().restore(key, {alg::MediaKind::audio, alg::PortRole::rtp}, {9, 8, "known"}, 60s, now());
    journal().adopt(now());
    ASSERT_NE(journal().find("known"), nullptr);
    EXPECT_TRUE(journal().find("known")->restored);
    EXPECT_THAT(tell_call(*journal().find("known")), HasSubstr("taken over"));
    // One without its text goes by the name that the pinhole's comment has.
    ASSERT_NE(journal().find("0000000000000007"), nullptr);
    EXPECT_EQ(journal().find("0000000000000007")->pinholes.size(), 1U);
}

TEST_F(CallJournalTest, FindsTheNamelessAgainWhenItsFirstMessageComes) {
    const std::string id = "long-lost";
    const alg::PinholeKey key{alg::Transport::udp, false, testing::endpoint("10.1.2.3", 40000),
                              *alg::IpAddress::parse("203.0.113.9")};
    engine().restore(key, {alg::MediaKind::audio, alg::PortRole::rtp},
                     {alg::make_call_key(id), alg::dialog_key(alg::make_tag("a"), alg::make_tag("b")), ""}, 60s, now());
    journal().adopt(now());
    EXPECT_EQ(journal().find(id), nullptr);
    message("BYE sip:b@x SIP/2.0", "2 BYE", id, "b", 0, true);
    ASSERT_NE(journal().find(id), nullptr);
    EXPECT_FALSE(journal().find(id)->has_open_pinhole()) << "its pinhole closes although the engine names no Call-ID";
}

}  // namespace
}  // namespace messenger::daemon
