// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/plan_check.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using testing::address;
using testing::endpoint;

alg::Policy policy() {
    alg::Policy policy;
    policy.inside.add(*alg::Prefix::parse("10.1.2.0/24"));
    policy.inside.add(*alg::Prefix::parse("2001:db8:1::/64"));
    policy.protected_addresses = {address("10.1.2.1")};
    policy.protected_ports = {3389, 5060, 5061};
    policy.media_ports = {2000, 40'000};
    return policy;
}

bool opens(const char* host, std::uint16_t port, const alg::Policy& chosen = policy(),
           alg::Transport transport = alg::Transport::udp, alg::PortRole role = alg::PortRole::rtp,
           const char* remote = "203.0.113.30") {
    alg::PinholeChange change;
    change.key = {transport, false, endpoint(host, port), address(remote)};
    change.purpose = {alg::MediaKind::audio, role};
    return may_open(change, chosen);
}

TEST(PlanCheck, LetsNothingLeadWhereNoMediaBelongs) {
    EXPECT_TRUE(opens("10.1.2.3", 5350));
    EXPECT_TRUE(opens("2001:db8:1::3", 5350, policy(), alg::Transport::udp, alg::PortRole::rtp, "2001:db8:2::1"));
    EXPECT_FALSE(opens("10.1.3.3", 5350)) << "not inside";
    EXPECT_FALSE(opens("10.1.2.1", 5350)) << "the gateway itself";
    EXPECT_FALSE(opens("10.1.2.3", 22));
    EXPECT_FALSE(opens("10.1.2.3", 3389)) << "protected";
    EXPECT_FALSE(opens("10.1.2.3", 40'001)) << "out of range";
    EXPECT_FALSE(opens("10.1.2.3", 5350, policy(), alg::Transport::udp, alg::PortRole::rtp, "224.0.0.1"));
    EXPECT_FALSE(opens("10.1.2.3", 5350, policy(), alg::Transport::udp, alg::PortRole::rtp, "0.0.0.0"))
        << "from anywhere only where that is said";
}

TEST(PlanCheck, LetsTcpLeadToWhatMessengerUses) {
    const auto tcp = [](std::uint16_t port, alg::PortRole role, const alg::Policy& chosen = policy()) {
        return opens("10.1.2.3", port, chosen, alg::Transport::tcp, role);
    };
    EXPECT_TRUE(tcp(1503, alg::PortRole::t120));
    EXPECT_TRUE(tcp(6891, alg::PortRole::file));
    EXPECT_FALSE(tcp(1504, alg::PortRole::t120));
    EXPECT_FALSE(tcp(6890, alg::PortRole::file));
    EXPECT_FALSE(tcp(5350, alg::PortRole::rtp));
    alg::Policy off = policy();
    off.fixed_ranges = alg::FixedRanges::off;
    EXPECT_FALSE(tcp(1503, alg::PortRole::t120, off));
}

TEST(PlanCheck, LetsTheRangesOfTlsClientsOpen) {
    alg::Policy tls = policy();
    tls.media_ports = {20'000, 40'000};
    EXPECT_FALSE(opens("10.1.2.3", 5350, tls));
    tls.tls.servers.add(*alg::Prefix::parse("198.51.100.20/32"));
    EXPECT_TRUE(opens("10.1.2.3", 5350, tls));
}

TEST(PlanCheck, LetsRegistrarsCallWhereSipListens) {
    alg::CallbackChange change;
    change.remote = address("198.51.100.20");
    const auto calls = [&](const char* host, std::uint16_t port) {
        change.inside = endpoint(host, port);
        return may_call_back(change, policy());
    };
    EXPECT_TRUE(calls("10.1.2.3", 7100));
    EXPECT_TRUE(calls("10.1.2.3", 5060));
    EXPECT_FALSE(calls("10.1.2.3", 3389));
    EXPECT_FALSE(calls("10.1.2.3", 80));
    EXPECT_FALSE(calls("10.1.2.1", 7100));
    EXPECT_FALSE(calls("192.0.2.1", 7100));
}

}  // namespace
}  // namespace messenger::daemon
