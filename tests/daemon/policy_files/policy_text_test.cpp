// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/policy_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "daemon/policy_files/reg_file.h"
#include "tests/daemon/policy_files/recorder.h"

namespace messenger::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PortPolicyResult sample() {
    PolicyRegistry registry;
    (void)read_reg_file("REGEDIT4\n" + std::string(messenger::testing::kSample), "site.reg",
                        [&](const RegistryChange& change) { registry.apply(change); });
    return judge_port_policy(registry);
}

TEST(PolicyText, IsTomlThatTheConfigurationTakes) {
    const std::string text = format_toml(sample());
    EXPECT_EQ(text,
              "[network]\n"
              "# HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Communicator\\PortRange (site.reg:3)\n"
              "media_ports = \"5350-5353\"\n"
              "\n"
              "[sip]\n"
              "# HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Communicator\\PortRange (site.reg:3)\n"
              "dynamic_ports = \"7100-7103\"\n");
    std::string whole = text;
    whole.insert(whole.find("[network]\n") + 10, "inside = [\"10.0.0.0/8\"]\n");
    const auto read = parse_config(whole);
    ASSERT_TRUE(read.config) << read.errors.at(0).text;
    EXPECT_EQ(read.config->network.media_ports, (NumberRange{5350, 5353}));
    EXPECT_EQ(read.config->sip.dynamic_ports, (NumberRange{7100, 7103}));
}

TEST(PolicyText, SaysWhenNothingIsPinned) {
    EXPECT_EQ(format_toml({}), "# No policy pins a port range: clients take any port from 1024.\n");
}

TEST(PolicyText, NamesTheDifferences) {
    Config config;
    config.sip.dynamic_ports = {7100, 7103};
    EXPECT_EQ(format_difference(compare(config, sample().policy)),
              "-network.media_ports = \"1024-65535\"\n+network.media_ports = \"5350-5353\"\n");
    EXPECT_THAT(compare(apply_policy(config, sample().policy), sample().policy), IsEmpty());
    // Clients that nothing pins take any port, so the configuration's range would be too small.
    EXPECT_EQ(format_difference(compare(config, PortPolicy{})),
              "-sip.dynamic_ports = \"7100-7103\"\n+sip.dynamic_ports = \"1024-65535\"\n");
}

TEST(PolicyText, NamesPortsThatStayClosedAllTheSame) {
    Config config;
    config.sip.ports = {5060, 5070};
    EXPECT_THAT(closed_ports(config, {NumberRange{5000, 5500}, std::nullopt}), ElementsAre(5060, 5061, 5070, 5432));
    EXPECT_THAT(closed_ports(config, {std::nullopt, NumberRange{5000, 5500}}), IsEmpty());
}

TEST(PolicyText, GivesProgramsOneObject) {
    const auto differences = compare(Config{}, sample().policy);
    const auto document = nlohmann::json::parse(format_json(sample(), &differences));
    EXPECT_EQ(document["media_ports"]["first"], 5350);
    EXPECT_EQ(document["sip_dynamic_ports"]["last"], 7103);
    EXPECT_EQ(document["sources"][0]["place"], "site.reg:3");
    EXPECT_EQ(document["differences"][1]["name"], "dynamic_ports");
    EXPECT_TRUE(document["errors"].empty());
    const auto nothing = nlohmann::json::parse(format_json({}, nullptr));
    EXPECT_TRUE(nothing["media_ports"].is_null());
    EXPECT_FALSE(nothing.contains("differences"));
}

}  // namespace
}  // namespace messenger::daemon
