// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/doctor/passage_checks.h"

#include <linux/netfilter.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

[[nodiscard]] Leg bad_leg(const char* name, std::optional<Culprit> culprit) {
    Leg leg;
    leg.name = name;
    leg.transport = "udp";
    leg.outcome = Leg::Outcome::bad;
    leg.detail = "it did not arrive, and no rule stopped it";
    leg.culprit = std::move(culprit);
    return leg;
}

[[nodiscard]] Culprit policy_of_forward() {
    Culprit culprit;
    culprit.place = {{NFPROTO_INET, "filter"}, "forward", 0};
    culprit.base_chain = "forward";
    return culprit;
}

class PassageChecksTest : public ::testing::Test {
   protected:
    [[nodiscard]] Findings judge() {
        const TrialOptions options{config_, "", places_, {}};
        Findings findings;
        judge_trial(
            trial_, options, nft::RulesetCopy(), [](const nft::RulePlace&) { return "udp drop"; }, findings);
        return findings;
    }
    Config config_;
    TrialPlaces places_{"lan0", "wan0", *alg::IpAddress::parse("10.1.2.254"), *alg::IpAddress::parse("203.0.113.1"),
                        *alg::IpAddress::parse("203.0.113.2")};
    TrialResult trial_;
};

TEST_F(PassageChecksTest, AGoodTrialLeavesNothingToSay) {
    Leg leg;
    leg.name = "signalling_out";
    leg.outcome = Leg::Outcome::good;
    trial_.legs = {leg};
    EXPECT_TRUE(judge().empty());
}

TEST_F(PassageChecksTest, OneCauseIsToldOnce) {
    trial_.legs = {bad_leg("media_in", policy_of_forward()), bad_leg("rtcp_in", policy_of_forward())};
    const Findings findings = judge();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].severity, Finding::Severity::failure);
    EXPECT_EQ(findings[0].name, "media_in_blocked");
    EXPECT_THAT(findings[0].what, HasSubstr("the policy of chain forward of table inet filter stops it"));
    EXPECT_EQ(findings[0].to_do.front(), "nft insert rule inet filter forward 'ct state established,related accept'");
}

TEST_F(PassageChecksTest, MarkedMediaNeedsTheMark) {
    config_.passage.mode = Passage::mark;
    config_.passage.mark = 0x10;
    config_.passage.mark_mask = 0x30;
    trial_.legs = {bad_leg("media_in", policy_of_forward()), bad_leg("signalling_back", policy_of_forward())};
    const Findings findings = judge();
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].to_do.front(), "nft insert rule inet filter forward 'meta mark & 0x30 == 0x10 accept'");
    EXPECT_EQ(findings[1].to_do.front(), "nft insert rule inet filter forward 'ct state established,related accept'");
}

TEST_F(PassageChecksTest, WhatNoRuleStopsIsNotBlamedOnOne) {
    trial_.legs = {bad_leg("signalling_out", std::nullopt)};
    const Findings findings = judge();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_THAT(findings[0].what, HasSubstr("no rule stopped it"));
}

TEST_F(PassageChecksTest, WhatAnotherProgramDecidesIsUnknown) {
    Culprit culprit = policy_of_forward();
    culprit.place.handle = 7;
    culprit.to_other_program = true;
    trial_.legs = {bad_leg("signalling_out", culprit)};
    trial_.legs[0].outcome = Leg::Outcome::unknown;
    const Findings findings = judge();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].severity, Finding::Severity::unknown);
    EXPECT_THAT(findings[0].what, HasSubstr("cannot tell, for the rule \"udp drop\" (handle 7)"));
}

TEST_F(PassageChecksTest, ATrialThatCouldNotBeMadeIsUnknown) {
    trial_.failure = "no ip here";
    const Findings findings = judge();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].name, "not_tried");
    EXPECT_EQ(findings[0].severity, Finding::Severity::unknown);
}

TEST_F(PassageChecksTest, WhatTheTrialWentWithoutIsUnknown) {
    trial_.not_copied.push_back({{NFPROTO_IPV4, "filter"}, "rule 9 of chain FORWARD: No such file or directory"});
    const Findings findings = judge();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].severity, Finding::Severity::unknown);
    EXPECT_THAT(findings[0].what, HasSubstr("table ip filter could not be copied (rule 9 of chain FORWARD"));
}

TEST_F(PassageChecksTest, AConnectionWhoseAnswersAreStoppedNeedsEstablished) {
    Culprit culprit = policy_of_forward();
    culprit.from_outside = true;
    trial_.legs = {bad_leg("signalling_out", culprit), bad_leg("register", culprit)};
    const Findings findings = judge();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].name, "answers_blocked");
}

[[nodiscard]] Culprit notrack_rule() {
    Culprit culprit;
    culprit.place = {{NFPROTO_INET, "raw"}, "prerouting", 4};
    culprit.base_chain = "prerouting";
    return culprit;
}

TEST_F(PassageChecksTest, MediaThatConntrackDoesNotSeeNeedsTheMark) {
    trial_.legs = {bad_leg("media_in", policy_of_forward())};
    trial_.legs[0].untracked = notrack_rule();
    const Findings findings = judge();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_THAT(findings[0].what, HasSubstr("belongs to no connection, for the rule \"udp drop\" (handle 4) in chain "
                                            "prerouting of table inet raw"));
    EXPECT_EQ(findings[0].to_do.front(), "nft insert rule inet filter forward 'meta mark & 0x1 == 0x1 accept'");
    EXPECT_THAT(findings[0].to_do, ::testing::Contains("mode = \"mark\""));
}

TEST_F(PassageChecksTest, AnAnswerToWhatConntrackDidNotSeeIsLedRoundTheRule) {
    Leg invite;
    invite.name = "signalling_out";
    invite.transport = "udp";
    invite.outcome = Leg::Outcome::good;
    invite.untracked = notrack_rule();
    trial_.legs = {invite, bad_leg("signalling_back", policy_of_forward())};
    const Findings findings = judge();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].to_do.front(),
              "nft insert rule inet raw prerouting handle 4 'meta l4proto { tcp, udp } th dport { 5060 } accept'");
}

TEST(RuleListing, KnowsARuleThatAcceptsEstablishedConnections) {
    for (const char* rule :
         {"ct state established,related accept", "ct state related,established counter packets 5 bytes 77 accept",
          "ct state { established, related } accept comment \"known, all of it\"", "ct state established accept",
          "ct state vmap { established : accept, related : accept }",
          "ct state vmap { invalid : drop, established : accept }"}) {
        EXPECT_TRUE(accepts_established(rule)) << rule;
    }
    for (const char* rule :
         {"", "accept", "ct state related accept", "ct state established drop",
          "ct state established iifname \"lan0\" accept", "ip saddr 10.0.0.1 ct state established accept",
          "ct state vmap { established : drop }", "ct state established,untracked jump more"}) {
        EXPECT_FALSE(accepts_established(rule)) << rule;
    }
}

TEST_F(PassageChecksTest, MasqueradingIsComparedWithTheConfiguration) {
    Leg leg;
    leg.name = "signalling_out";
    leg.outcome = Leg::Outcome::good;
    trial_.legs = {leg};
    trial_.translated = true;
    ASSERT_EQ(judge().size(), 1U);
    EXPECT_EQ(judge()[0].name, "nat_not_configured");
    trial_.legs.push_back(bad_leg("media_in", std::nullopt));
    ASSERT_EQ(judge().size(), 2U);
    EXPECT_EQ(judge()[0].name, "nat_not_configured") << "the cause stands before what follows from it";
    trial_.legs.pop_back();
    config_.nat.interfaces = {"wan0"};
    EXPECT_TRUE(judge().empty());
    trial_.translated = false;
    ASSERT_EQ(judge().size(), 1U);
    EXPECT_EQ(judge()[0].name, "nat_without_masquerade");
}

}  // namespace
}  // namespace messenger::daemon
