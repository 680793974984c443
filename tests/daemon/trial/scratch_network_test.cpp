// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trial/scratch_network.h"

#include <gtest/gtest.h>

#include <system_error>
#include <thread>

#include "daemon/trial/trial_daemon.h"

namespace messenger::daemon {
namespace {

[[nodiscard]] std::string chosen(const char* network, const char* gateway) {
    const auto host = choose_host(*alg::Prefix::parse(network), *alg::IpAddress::parse(gateway));
    return host ? host->to_string() : "none";
}

TEST(ScratchNetwork, ChoosesAHostThatIsNotTheGateway) {
    EXPECT_EQ(chosen("10.1.2.0/24", "10.1.2.1"), "10.1.2.254");
    EXPECT_EQ(chosen("10.1.2.0/24", "10.1.2.254"), "10.1.2.253");
    EXPECT_EQ(chosen("10.0.0.0/8", "10.0.0.1"), "10.0.0.254");
    EXPECT_EQ(chosen("192.0.2.8/30", "192.0.2.9"), "192.0.2.10");
    EXPECT_EQ(chosen("192.0.2.8/30", "192.0.2.10"), "192.0.2.9");
    EXPECT_EQ(chosen("192.0.2.8/32", "192.0.2.1"), "192.0.2.8");
    EXPECT_EQ(chosen("192.0.2.8/32", "192.0.2.8"), "none");
    EXPECT_EQ(chosen("2001:db8::/64", "2001:db8::1"), "2001:db8::fe");
    EXPECT_EQ(chosen("2001:db8::/64", "2001:db8::fe"), "2001:db8::fd");
}

TEST(Program, WhatItSaysFitsIntoASentence) {
    EXPECT_EQ(one_line(""), "");
    EXPECT_EQ(one_line("Error: no.\nCommand failed -:3\n"), "Error: no.; Command failed -:3");
    EXPECT_EQ(one_line("\n\na\n\nb"), "a; b");
}

TEST(Companion, SaysWhyItDoesNotRun) {
    const auto why = [](const std::string& program) -> std::string {
        try {
            Companion companion({program}, "/dev/null", {});
            while (companion.runs()) std::this_thread::yield();
            return companion.ending();
        } catch (const std::system_error& error) {
            return error.what();
        }
    };
    EXPECT_EQ(why("/nonexistent"), "starting /nonexistent: No such file or directory");
    EXPECT_EQ(why("/"), "starting /: Permission denied");
    EXPECT_EQ(why("false"), "ended with status 1");
}

TEST(TrialDaemon, ReadsTheConfigurationThatItIsGiven) {
    const auto parsed = parse_config(
        "[network]\ninside = [\"10.1.2.0/24\", \"2001:db8::/64\"]\n[sip]\nports = [5060, 5070]\n"
        "[nat]\ninterfaces = [\"wan0\"]\nadvertised_address = \"192.0.2.7\"\n[limits]\ncalls = 17\ncalls_per_host = 7\n"
        "[passage]\nmode = \"mark\"\nmark = 4096\nmark_mask = 4096\n[timeouts]\nhold = \"1977s\"\n");
    ASSERT_TRUE(parsed.config) << parsed.errors.front().text;
    const auto again = parse_config(format_config(*parsed.config));
    ASSERT_TRUE(again.config) << again.errors.front().to_string("again");
    for (const KeyDescription& key : describe_keys()) {
        EXPECT_EQ(format_value(*again.config, key.section, key.name),
                  format_value(*parsed.config, key.section, key.name))
            << key.section << '.' << key.name;
    }
}

}  // namespace
}  // namespace messenger::daemon
