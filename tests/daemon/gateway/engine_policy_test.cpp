// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/engine_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace messenger::daemon {
namespace {

[[nodiscard]] InterfaceAddress own(const char* interface, const char* address, const char* network) {
    return {interface, *alg::IpAddress::parse(address), *alg::Prefix::parse(network)};
}

TEST(EnginePolicy, TakesTheNetworksOfTheNamedInterfacesAlone) {
    Config config;
    config.network.inside_interfaces = {"lan0"};
    const std::array addresses{own("lan0", "192.168.7.1", "192.168.7.0/24"), own("wan0", "192.0.2.10", "192.0.2.0/24")};
    const alg::Policy policy = make_policy(config, addresses);
    EXPECT_TRUE(policy.inside.contains(*alg::IpAddress::parse("192.168.7.50")));
    EXPECT_FALSE(policy.inside.contains(*alg::IpAddress::parse("192.0.2.50")));
}

TEST(EnginePolicy, ProtectsTheGatewayItselfAndItsSignallingPorts) {
    Config config;
    config.network.inside = {*alg::Prefix::parse("10.0.0.0/8")};
    config.sip.ports = {5060, 15060};
    const std::array addresses{own("lan0", "10.0.0.1", "10.0.0.0/8")};
    const alg::Policy policy = make_policy(config, addresses);
    EXPECT_EQ(policy.protected_addresses, std::vector{*alg::IpAddress::parse("10.0.0.1")});
    EXPECT_TRUE(std::is_sorted(policy.protected_ports.begin(), policy.protected_ports.end()));
    for (const int number : {5060, 5061, 15060, 3389}) {
        const auto port = static_cast<std::uint16_t>(number);
        EXPECT_TRUE(std::binary_search(policy.protected_ports.begin(), policy.protected_ports.end(), port)) << port;
    }
}

TEST(EnginePolicy, HasWhatTheOperatorSaidAboutNat) {
    Config config;
    config.nat.media_ports = {20000, 20999};
    config.nat.keep_numbers = false;
    config.nat.reserved_ports = {{{51820, 51820}, {4500, 4510}}};
    config.nat.no_rewrite = {*alg::Prefix::parse("192.0.2.0/24")};
    const alg::Policy policy = make_policy(config, {});
    EXPECT_EQ(policy.nat_ports.first, 20000);
    EXPECT_EQ(policy.nat_ports.last, 20999);
    EXPECT_FALSE(policy.keep_numbers);
    EXPECT_TRUE(policy.is_reserved(4500) && policy.is_reserved(4510) && policy.is_reserved(51820) &&
                policy.is_reserved(1023));
    EXPECT_FALSE(policy.is_reserved(1024));
    EXPECT_TRUE(policy.no_rewrite.contains(*alg::IpAddress::parse("192.0.2.7")));
    EXPECT_FALSE(policy.no_rewrite.contains(*alg::IpAddress::parse("203.0.113.7")));
}

}  // namespace
}  // namespace messenger::daemon
