// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/interfaces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

[[nodiscard]] InterfaceAddress on(const char* interface, const char* address, unsigned length) {
    const auto parsed = alg::IpAddress::parse(address);
    EXPECT_TRUE(parsed) << address;
    return {interface, *parsed, alg::Prefix(*parsed, length)};
}

[[nodiscard]] std::vector<std::string> texts(const std::vector<alg::Prefix>& prefixes) {
    std::vector<std::string> out;
    for (const alg::Prefix& prefix : prefixes) out.push_back(prefix.to_string());
    return out;
}

TEST(Interfaces, FindsTheNetworksBehindNames) {
    const std::vector<InterfaceAddress> addresses = {on("lan0", "10.1.2.3", 16),    on("lan0", "10.1.9.9", 16),
                                                     on("lan0", "2001:db8::1", 64), on("lan0", "fe80::1", 64),
                                                     on("wan0", "192.0.2.1", 24),   on("lan1", "172.16.0.1", 12),
                                                     on("llonly", "fe80::2", 64)};
    const std::vector<std::string> names = {"lan0", "lan1", "lan2", "llonly"};
    const auto found = find_networks(addresses, names);
    EXPECT_THAT(texts(found.networks), testing::ElementsAre("10.1.0.0/16", "2001:db8::/64", "172.16.0.0/12"));
    EXPECT_THAT(found.missing, testing::ElementsAre("lan2", "llonly"));
}

TEST(Interfaces, ReadsThisHost) {
    // Wherever there is a loopback with an address, it is this one.
    for (const InterfaceAddress& entry : list_interface_addresses()) {
        EXPECT_TRUE(entry.network.contains(entry.address));
        if (entry.interface == "lo" && entry.address == *alg::IpAddress::parse("127.0.0.1")) {
            EXPECT_EQ(entry.network.to_string(), "127.0.0.0/8");
        }
    }
}

}  // namespace
}  // namespace messenger::daemon
