// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/host_network.h"

#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

constexpr std::uint32_t kWan = 3;

[[nodiscard]] alg::IpAddress ip(const char* text) {
    return *alg::IpAddress::parse(text);
}

[[nodiscard]] LinkAddress on(std::uint32_t index, const char* address, const char* network) {
    return {index, ip(address), *alg::Prefix::parse(network)};
}

TEST(MasqueradingAddress, IsTheFirstOfTheInterface) {
    const std::vector<LinkAddress> addresses{on(2, "10.1.2.1", "10.1.2.0/24"),
                                             on(kWan, "203.0.113.1", "203.0.113.0/24"),
                                             on(kWan, "198.51.100.1", "198.51.100.0/24")};
    EXPECT_EQ(masquerading_address(addresses, kWan, std::nullopt), ip("203.0.113.1"));
    EXPECT_EQ(masquerading_address(addresses, 2, std::nullopt), ip("10.1.2.1"));
    EXPECT_EQ(masquerading_address(addresses, 4, std::nullopt), std::nullopt);
}

TEST(MasqueradingAddress, IsTheOneOfTheGatewaysNetwork) {
    const std::vector<LinkAddress> addresses{on(kWan, "192.168.100.2", "192.168.100.0/24"),
                                             on(kWan, "203.0.113.7", "203.0.113.0/24")};
    EXPECT_EQ(masquerading_address(addresses, kWan, ip("203.0.113.1")), ip("203.0.113.7"));
    EXPECT_EQ(masquerading_address(addresses, kWan, ip("198.51.100.1")), ip("192.168.100.2"));
}

TEST(MasqueradingAddress, IsNeverASecondaryOneOrOneOfTheLinkAlone) {
    std::vector<LinkAddress> addresses{on(kWan, "169.254.1.2", "169.254.0.0/16"),
                                       on(kWan, "203.0.113.8", "203.0.113.0/24"),
                                       on(kWan, "203.0.113.7", "203.0.113.0/24")};
    addresses[0].global = false;
    addresses[1].secondary = true;
    EXPECT_EQ(masquerading_address(addresses, kWan, ip("203.0.113.1")), ip("203.0.113.7"));
    addresses.pop_back();
    EXPECT_EQ(masquerading_address(addresses, kWan, ip("203.0.113.1")), std::nullopt);
}

}  // namespace
}  // namespace messenger::daemon
