// SPDX-License-Identifier: GPL-2.0-or-later
#include <poll.h>

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>

#include "daemon/process/interfaces.h"
#include "tests/daemon/support/network_namespace.h"

namespace messenger::daemon {
namespace {

[[nodiscard]] bool has_address(const char* text) {
    const auto addresses = list_interface_addresses();
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const InterfaceAddress& entry) { return entry.address == *alg::IpAddress::parse(text); });
}

TEST(InterfaceMonitorRoot, TellsOfNewAndLostAddresses) {
    const bool made = run_in_network_namespace([] {
        InterfaceMonitor monitor;
        EXPECT_FALSE(monitor.take_changes());
        for (const auto* verb : {"add", "del"}) {
            const std::string command = std::string("ip addr ") + verb + " 10.9.8.7/24 dev lo";
            ASSERT_EQ(std::system(command.c_str()), 0);  // NOLINT(concurrency-mt-unsafe)
            pollfd waiting{monitor.fd(), POLLIN, 0};
            EXPECT_EQ(::poll(&waiting, 1, 2000), 1);
            EXPECT_TRUE(monitor.take_changes());
            EXPECT_FALSE(monitor.take_changes());
            EXPECT_EQ(has_address("10.9.8.7"), std::string_view(verb) == "add");
        }
    });
    if (!made) GTEST_SKIP() << "needs root, to make a network namespace";
}

}  // namespace
}  // namespace messenger::daemon
