// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/schema_rules.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>

namespace messenger::nft {
namespace {

/// The expressions of the rules of a chain, as libnftnl prints them, a line per rule.
std::string rules_of(const SchemaOptions& options, std::string_view chain) {
    std::string text;
    for (const RuleHandle& rule : schema_rules(options)) {
        if (nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN) != chain) continue;
        std::array<char, 4096> printed{};
        nftnl_rule_snprintf(printed.data(), printed.size(), rule.get(), NFTNL_OUTPUT_DEFAULT, 0);
        text += printed.data();
        text += '\n';
    }
    return text;
}

bool has_chain(const SchemaOptions& options, std::string_view name) {
    const auto chains = schema_chains(options);
    return std::any_of(chains.begin(), chains.end(), [&](const ChainSpec& chain) { return chain.name == name; });
}

TEST(SchemaRules, EveryRuleStandsInAChainThatIsMade) {
    for (const auto admit_queue : {std::optional<std::uint16_t>(), std::optional<std::uint16_t>(5070)}) {
        SchemaOptions options;
        options.admit_queue = admit_queue;
        options.nat_interfaces = {"wan"};
        for (const RuleHandle& rule : schema_rules(options)) {
            const char* chain = nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN);
            EXPECT_TRUE(has_chain(options, chain)) << chain;
        }
    }
}

TEST(SchemaRules, TheAdmitChainIsThereOnlyForThatPassage) {
    SchemaOptions options;
    EXPECT_FALSE(has_chain(options, "admit"));
    options.admit_queue = 5070;
    EXPECT_TRUE(has_chain(options, "admit"));
}

/// What most UDP of a gateway is costs no lookup there.
TEST(SchemaRules, TheAdmitChainLetsLowUdpPortsGoBeforeItLooksIntoAnySet) {
    SchemaOptions options;
    options.admit_queue = 5070;
    const std::string rules = rules_of(options, "admit");
    const auto last_low_port = rules.rfind("cmp lt reg");
    ASSERT_NE(last_low_port, std::string::npos) << rules;
    EXPECT_LT(last_low_port, rules.find("lookup")) << rules;
    for (const char* chain : {"admit4", "admit6"})
        EXPECT_EQ(rules_of(options, chain).find("cmp lt"), std::string::npos);
}

TEST(SchemaRules, NatIsThereOnlyWithOutsideInterfaces) {
    SchemaOptions options;
    options.admit_queue = 5070;
    for (const char* chain : {"dstnat", "srcnat", "guard"}) EXPECT_FALSE(has_chain(options, chain)) << chain;
    EXPECT_FALSE(has_set(options, spec_of(SetId::snat4)));
    EXPECT_TRUE(has_set(options, spec_of(SetId::pinholes4)));
    EXPECT_EQ(rules_of(options, "admit4").find("outside4"), std::string::npos);
    EXPECT_EQ(rules_of(options, "verdict").find("0x80000000"), std::string::npos);
    options.nat_interfaces = {"wan0", "wan1"};
    for (const char* chain : {"dstnat", "srcnat", "guard"}) EXPECT_TRUE(has_chain(options, chain)) << chain;
    EXPECT_TRUE(has_set(options, spec_of(SetId::snat4)));
    EXPECT_NE(rules_of(options, "admit4").find("outside4"), std::string::npos);
    EXPECT_NE(rules_of(options, "verdict").find("0x80000000"), std::string::npos);
}

TEST(SchemaRules, WhatIsExemptLeavesBeforeTheMapOfBindings) {
    SchemaOptions options;
    options.nat_interfaces = {"wan"};
    EXPECT_EQ(rules_of(options, "srcnat").find("return"), std::string::npos);
    options.nat_exempt = {{*Address::parse("198.51.100.0"), 24}, {*Address::parse("2001:db8::"), 32}};
    options.sees_ipsec = true;
    const std::string rules = rules_of(options, "srcnat");
    EXPECT_LT(rules.find("0x006433c6"), rules.find("snat4")) << rules;
    EXPECT_LT(rules.find("rt load ipsec"), rules.find("snat4")) << rules;
    EXPECT_EQ(rules.find("0x0db80120"), std::string::npos) << rules;
}

TEST(SchemaRules, TlsConnectionsAreWatchedOnlyWhereServersAreNamed) {
    SchemaOptions options;
    EXPECT_FALSE(has_set(options, spec_of(SetId::tls_clients4)));
    EXPECT_EQ(rules_of(options, "signalling").find("tls_clients"), std::string::npos);
    options.tls = TlsWatch{{{*Address::parse("198.51.100.20"), 32}, {*Address::parse("2001:db8::"), 32}}, 5061, {}};
    EXPECT_TRUE(has_set(options, spec_of(SetId::tls_clients6)));
    EXPECT_FALSE(has_set(options, spec_of(SetId::snat4)));
    EXPECT_NE(rules_of(options, "signalling").find("tls_clients6"), std::string::npos);
    EXPECT_EQ(rules_of(options, "forward"), rules_of({}, "forward"));
}

TEST(SchemaRules, UnattendedConnectionsAreDroppedWhereThereIsNoReset) {
    SchemaOptions options;
    options.nat_interfaces = {"wan"};
    EXPECT_NE(rules_of(options, "unattended").find("[ reject type 1 code 0 ]"), std::string::npos);
    options.tcp_reset = false;
    EXPECT_EQ(rules_of(options, "unattended").find("reject"), std::string::npos);
    EXPECT_NE(rules_of(options, "unattended").find("drop"), std::string::npos);
}

TEST(SchemaRules, UseTheQueueThatTheKernelHas) {
    SchemaOptions options;
    options.signalling_queue = {5060, 4};
    options.queue_kind = QueueKind::native;
    EXPECT_NE(rules_of(options, "to_daemon").find("[ queue num 5060-5063 bypass ]"), std::string::npos)
        << rules_of(options, "to_daemon");
    options.queue_kind = QueueKind::xt;
    EXPECT_NE(rules_of(options, "to_daemon").find("[ target name NFQUEUE rev 3 ]"), std::string::npos)
        << rules_of(options, "to_daemon");
}

TEST(SchemaRules, TheMarkBitsFollowTheirBase) {
    SchemaOptions options;
    options.marks.base_bit = 4;
    const std::string passed = rules_of(options, "passed");
    EXPECT_NE(passed.find("( reg 8 & 0xffffffef ) ^ 0x00000010"), std::string::npos) << passed;
    const std::string verdict = rules_of(options, "verdict");
    EXPECT_NE(verdict.find("( reg 8 & 0xffffff9f ) ^ 0x00000000"), std::string::npos) << verdict;
}

TEST(SchemaRules, ThePassageMarkIsSetOnlyWhenAskedFor) {
    SchemaOptions options;
    for (const char* chain : {"passed", "media_udp4", "media_tcp6"}) {
        options.passage_mark.reset();
        EXPECT_EQ(rules_of(options, chain).find("meta set mark"), std::string::npos) << chain;
        options.passage_mark = PassageMark{0x1100, 0xff00};
        const std::string rules = rules_of(options, chain);
        EXPECT_NE(rules.find("( reg 8 & 0xffff00ff ) ^ 0x00001100"), std::string::npos) << rules;
    }
}

TEST(SchemaRules, TheSetOfPortsTakesNoMemoryForMore) {
    SchemaOptions options;
    options.set_size = 300'000;
    EXPECT_EQ(room_of(options, spec_of(SetId::sip_ports)), 512U);
    EXPECT_EQ(room_of(options, spec_of(SetId::pinholes4)), 300'000U);
}

}  // namespace
}  // namespace messenger::nft
