// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/binding_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using testing::address;
using testing::endpoint;

TimePoint at(int seconds) {
    return TimePoint{} + std::chrono::seconds(seconds);
}

const IpAddress kOutside = *IpAddress::parse("192.0.2.10");
const IpAddress kRemote = *IpAddress::parse("203.0.113.30");
const IpAddress kOther = *IpAddress::parse("203.0.113.31");

BindingKey udp(std::string_view host, std::uint16_t port) {
    return {Transport::udp, endpoint(host, port), kOutside};
}

struct Table {
    Limits limits;
    Policy policy;
    BindingTable table{policy, limits, HashKey{1, 2}};
    std::vector<std::uint16_t> added;

    bool acquire(const BindingKey& first, std::size_t count, std::uint64_t call) {
        added.clear();
        return table.acquire(first, count, policy.nat_ports, call,
                             [this](const BindingKey&, std::uint16_t port) { added.push_back(port); });
    }
};

TEST(BindingTable, KeepsTheNumberWhereItIsFree) {
    Table t;
    ASSERT_TRUE(t.acquire(udp("10.1.2.3", 5350), 2, 1));
    EXPECT_EQ(t.added, (std::vector<std::uint16_t>{5350, 5351}));
    EXPECT_EQ(t.table.inside_of(Transport::udp, {kOutside, 5351}), endpoint("10.1.2.3", 5351));
}

TEST(BindingTable, GivesNeighboursOfTheSameParityWhereItIsTaken) {
    Table t;
    ASSERT_TRUE(t.acquire(udp("10.1.2.3", 5351), 1, 1));
    ASSERT_TRUE(t.acquire(udp("10.1.2.4", 5350), 2, 2));
    ASSERT_EQ(t.added.size(), 2U);
    EXPECT_EQ(t.added[0] % 2, 0);
    EXPECT_EQ(t.added[1], t.added[0] + 1);
    EXPECT_TRUE(t.policy.nat_ports.contains(t.added[0]));
}

TEST(BindingTable, GivesNobodyAReservedNumber) {
    Table t;
    t.policy.reserved_ports = {1503, 40'001, 51'820};
    ASSERT_TRUE(t.acquire(udp("10.1.2.3", 51'820), 1, 1));
    EXPECT_TRUE(t.policy.nat_ports.contains(t.added[0])) << "as if it were taken";
    ASSERT_TRUE(t.acquire(udp("10.1.2.5", 51'818), 4, 2));
    EXPECT_TRUE(t.policy.nat_ports.contains(t.added[0])) << "nor as one of several";
    EXPECT_GE(t.added[0], 40'002) << "nor one of the range";

    const BindingKey key = udp("10.1.2.4", 51'820);
    EXPECT_EQ(t.table.acquire_exactly(key, 3), BindingTable::Exactly::reserved);
    EXPECT_FALSE(t.table.restore(key, 51'820, 3, std::nullopt));
    EXPECT_EQ(t.table.listen(key, 51'820, at(60), at(0)), BindingTable::Listening::added);
    EXPECT_NE(t.table.outside_port(key), 51'820) << "although its flow has the number";
    const BindingKey low = udp("10.1.2.4", 500);
    EXPECT_EQ(t.table.listen(low, 500, at(60), at(0)), BindingTable::Listening::added);
    EXPECT_TRUE(t.policy.nat_ports.contains(*t.table.outside_port(low))) << "those of services always are";

    const BindingKey file{Transport::tcp, endpoint("10.1.2.3", 6891), kOutside};
    ASSERT_TRUE(t.acquire(file, 1, 4));
    EXPECT_EQ(t.table.ports_taken(Transport::tcp, kOutside), 1U);
}

TEST(BindingTable, GivesEveryPortOfARangeOverTcp) {
    Table t;
    t.policy.nat_ports = {6891, 6900};
    std::set<std::uint16_t> outside;
    for (int host = 1; host <= 10; ++host) {
        const BindingKey key{Transport::tcp, endpoint("10.1.2." + std::to_string(host), 6891), kOutside};
        ASSERT_TRUE(t.acquire(key, 1, static_cast<std::uint64_t>(host))) << host;
        outside.insert(t.added.begin(), t.added.end());
    }
    EXPECT_EQ(outside.size(), 10U);
    EXPECT_TRUE(t.policy.nat_ports.contains(*outside.begin()) && t.policy.nat_ports.contains(*outside.rbegin()));
    EXPECT_FALSE(t.acquire({Transport::tcp, endpoint("10.1.2.11", 6891), kOutside}, 1, 11));
}

TEST(BindingTable, SharesABindingAmongCallsUntilTheLastOneEnds) {
    Table t;
    const BindingKey key = udp("10.1.2.3", 5350);
    ASSERT_TRUE(t.acquire(key, 1, 1));
    ASSERT_TRUE(t.acquire(key, 1, 2));
    EXPECT_TRUE(t.added.empty()) << "the kernel has it";
    EXPECT_FALSE(t.table.release(key, 1, at(0)));
    EXPECT_TRUE(t.table.release(key, 2, at(0)));
    EXPECT_FALSE(t.table.release(key, 2, at(0)));
}

TEST(BindingTable, LetsANumberLingerForItsOwnHostAlone) {
    Table t;
    const BindingKey key = udp("10.1.2.3", 5350);
    ASSERT_TRUE(t.acquire(key, 1, 1));
    ASSERT_TRUE(t.table.release(key, 1, at(0)));
    ASSERT_TRUE(t.acquire(udp("10.1.2.4", 5350), 1, 2));
    EXPECT_NE(t.added, (std::vector<std::uint16_t>{5350})) << "conntrack may still know flows through it";
    ASSERT_TRUE(t.acquire(key, 1, 3));
    EXPECT_EQ(t.added, (std::vector<std::uint16_t>{5350})) << "new to the kernel, with its old number";
}

TEST(BindingTable, FreesALingeringNumberInTime) {
    Table t;
    ASSERT_TRUE(t.acquire(udp("10.1.2.3", 5350), 1, 1));
    ASSERT_TRUE(t.table.release(udp("10.1.2.3", 5350), 1, at(0)));
    t.table.expire(at(179), [](const BindingKey&, std::uint16_t) { FAIL(); });
    EXPECT_EQ(t.table.size(), 1U);
    t.table.expire(at(180), [](const BindingKey&, std::uint16_t) { FAIL() << "the kernel knows already"; });
    EXPECT_EQ(t.table.size(), 0U);
    EXPECT_EQ(t.table.ports_taken(Transport::udp, kOutside), 0U);
}

TEST(BindingTable, TakesALingeringNumberWhenNoOtherIsLeft) {
    Table t;
    t.policy.nat_ports = {40'000, 40'001};
    t.policy.keep_numbers = false;
    ASSERT_TRUE(t.acquire(udp("10.1.2.3", 5350), 2, 1));
    EXPECT_FALSE(t.acquire(udp("10.1.2.4", 5350), 2, 2));
    EXPECT_TRUE(t.added.empty());
    ASSERT_TRUE(t.table.release(udp("10.1.2.3", 5350), 1, at(0)));
    ASSERT_TRUE(t.table.release(udp("10.1.2.3", 5351), 1, at(0)));
    EXPECT_TRUE(t.acquire(udp("10.1.2.4", 5350), 2, 2));
}

TEST(BindingTable, HoldsAHostToItsShare) {
    Table t;
    t.limits.bindings_per_host = 2;
    ASSERT_TRUE(t.acquire(udp("10.1.2.3", 5350), 2, 1));
    EXPECT_FALSE(t.acquire(udp("10.1.2.3", 5352), 1, 1));
    EXPECT_TRUE(t.acquire(udp("10.1.2.4", 5352), 1, 1));
}

TEST(BindingTable, ListensUntilTheLaterEnd) {
    Table t;
    const BindingKey key = udp("10.1.2.3", 5060);
    EXPECT_EQ(t.table.listen(key, 0, at(60), at(0)), BindingTable::Listening::added);
    EXPECT_EQ(t.table.listen(key, 0, at(600), at(10)), BindingTable::Listening::held);
    EXPECT_EQ(t.table.listen(key, 0, at(100), at(20)), BindingTable::Listening::held);
    int ended = 0;
    const auto count = [&ended](const BindingKey&, std::uint16_t) { ++ended; };
    t.table.expire(at(599), count);
    EXPECT_EQ(ended, 0);
    t.table.expire(at(600), count);
    EXPECT_EQ(ended, 1);
}

TEST(BindingTable, TakesTheNumberThatTheHostsOwnFlowHas) {
    Table t;
    EXPECT_EQ(t.table.listen(udp("10.1.2.3", 5060), 1024, at(60), at(0)), BindingTable::Listening::added);
    EXPECT_EQ(t.table.outside_port(udp("10.1.2.3", 5060)), 1024);
}

TEST(BindingTable, LeadsOneRemoteToOneHostOnAFixedPort) {
    Table t;
    const Endpoint t120{kOutside, 1503};
    const Endpoint first = endpoint("10.1.2.3", 1503);
    const Endpoint second = endpoint("10.1.2.4", 1503);
    EXPECT_TRUE(t.table.claim(Transport::tcp, t120, kRemote, first));
    EXPECT_FALSE(t.table.claim(Transport::tcp, t120, kRemote, second));
    EXPECT_FALSE(t.table.claim(Transport::tcp, t120, IpAddress{}, second)) << "anybody includes that remote";
    EXPECT_TRUE(t.table.claim(Transport::tcp, t120, kOther, second));
    EXPECT_EQ(t.table.inside_for(Transport::tcp, t120, kRemote), first);
    EXPECT_EQ(t.table.inside_for(Transport::tcp, t120, kOther), second);
    t.table.unclaim(Transport::tcp, t120, kRemote);
    EXPECT_FALSE(t.table.inside_for(Transport::tcp, t120, kRemote));
    EXPECT_TRUE(t.table.claim(Transport::tcp, t120, kRemote, second));
}

/// Whatever happens, a port is taken just as long as a binding has it, no two bindings have the same one, and once
/// everybody has let go and time has passed all are free.
TEST(BindingTable, KnowsAClaimOfItsOwnFromAnothers) {
    Table t;
    const Endpoint t120{kOutside, 1503};
    const Endpoint first = endpoint("10.1.2.3", 1503);
    const Endpoint second = endpoint("10.1.2.4", 1503);
    EXPECT_TRUE(t.table.claim(Transport::tcp, t120, IpAddress{}, first));
    EXPECT_TRUE(t.table.claim(Transport::tcp, t120, IpAddress{}, first)) << "twice is once";
    EXPECT_TRUE(t.table.claim(Transport::tcp, t120, kRemote, first)) << "it has it anyway";
    EXPECT_EQ(t.table.claimed_by_other(Transport::tcp, t120, kOther, second), first.address);
    EXPECT_EQ(t.table.claimed_by_other(Transport::tcp, t120, kOther, first), std::nullopt);
    t.table.unclaim(Transport::tcp, t120, IpAddress{});
    EXPECT_TRUE(t.table.claim(Transport::tcp, t120, kOther, second));
    EXPECT_EQ(t.table.claimed_by_other(Transport::tcp, t120, IpAddress{}, second), first.address);
    EXPECT_EQ(t.table.claimed_by_other(Transport::tcp, t120, IpAddress{}, first), second.address);
    t.table.unclaim(Transport::tcp, t120, kRemote);
    t.table.unclaim(Transport::tcp, t120, kRemote);
    EXPECT_TRUE(t.table.claim(Transport::tcp, t120, IpAddress{}, second)) << "its only claims are its own";
}

/// As the table would say it, were it written down like the rule.
TEST(BindingTable, ClaimsAgreeWithTheRule) {
    Table t;
    std::mt19937 random(7);
    std::map<std::pair<std::uint16_t, IpAddress>, Endpoint> known;  // by outside port and remote
    const std::array<IpAddress, 4> remotes{IpAddress{}, kRemote, kOther, *IpAddress::parse("203.0.113.32")};
    for (int step = 0; step < 20'000; ++step) {
        const auto port = static_cast<std::uint16_t>(1503 + random() % 2);
        const IpAddress& remote = remotes.at(random() % remotes.size());
        const Endpoint inside = endpoint(random() % 2 == 0 ? "10.1.2.3" : "10.1.2.4", 1503);
        if (random() % 2 == 0) {
            t.table.unclaim(Transport::tcp, {kOutside, port}, remote);
            known.erase({port, remote});
            continue;
        }
        const bool free = std::none_of(known.begin(), known.end(), [&](const auto& claim) {
            const auto& [at_port, from] = claim.first;
            const bool meets = from == remote || from.is_unspecified() || remote.is_unspecified();
            return at_port == port && meets && claim.second != inside;
        });
        ASSERT_EQ(t.table.claim(Transport::tcp, {kOutside, port}, remote, inside), free) << step;
        if (free) known[{port, remote}] = inside;
    }
}

TEST(BindingTable, LetsNobodyClaimAReservedNumber) {
    Table t;
    const Endpoint alice = endpoint("10.1.2.3", 1503);
    const Endpoint outside{kOutside, 1503};
    ASSERT_TRUE(t.table.claim(Transport::tcp, outside, address("203.0.113.30"), alice));
    t.policy.reserved_ports = {1503};
    EXPECT_FALSE(t.table.claim(Transport::tcp, outside, address("203.0.113.31"), alice));
    EXPECT_FALSE(t.table.claim(Transport::tcp, outside, IpAddress{}, alice)) << "nor for everybody";
    EXPECT_TRUE(t.table.claim(Transport::tcp, outside, address("203.0.113.30"), alice)) << "what it has, it keeps";
}

TEST(BindingTable, GivesAFixedPortItsOwnNumberOrNone) {
    using Exactly = BindingTable::Exactly;
    Table t;
    EXPECT_EQ(t.table.acquire_exactly(udp("10.1.2.3", 5350), 1), Exactly::added);
    EXPECT_EQ(t.table.acquire_exactly(udp("10.1.2.3", 5350), 1), Exactly::held);
    EXPECT_EQ(t.table.acquire_exactly(udp("10.1.2.4", 5350), 2), Exactly::taken);
    EXPECT_EQ(t.table.inside_of(Transport::udp, {kOutside, 5350}), endpoint("10.1.2.3", 5350));
    ASSERT_TRUE(t.acquire(udp("10.1.2.4", 5350), 1, 3));
    EXPECT_EQ(t.table.acquire_exactly(udp("10.1.2.4", 5350), 2), Exactly::taken) << "its own one has another number";
    EXPECT_TRUE(t.table.release(udp("10.1.2.3", 5350), 1, at(0)));
    EXPECT_EQ(t.table.acquire_exactly(udp("10.1.2.5", 5350), 4), Exactly::taken)
        << "packets may still come for the first";
    EXPECT_EQ(t.table.acquire_exactly(udp("10.1.2.3", 5350), 1), Exactly::added) << "whose it is meanwhile";
    t.limits.bindings_per_host = 1;
    EXPECT_EQ(t.table.acquire_exactly(udp("10.1.2.3", 5351), 1), Exactly::no_room);
}

TEST(BindingTable, LeaksNoPort) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        Table t;
        t.policy.nat_ports = {40'000, 40'015};
        t.policy.keep_numbers = seed % 2 == 0;
        t.limits.bindings_per_host = 12;
        std::mt19937 random(seed);
        const auto pick = [&random](unsigned below) { return random() % below; };
        std::multimap<std::uint64_t, BindingKey> held;
        int now = 0;
        for (int step = 0; step < 400; ++step) {
            now += static_cast<int>(pick(20));
            const BindingKey first =
                udp("10.1.2." + std::to_string(3 + pick(4)), static_cast<std::uint16_t>(5000 + pick(12)));
            const std::uint64_t call = 1 + pick(5);
            const std::size_t count = 1 + pick(3);
            switch (pick(4)) {
                case 0:
                    if (!t.acquire(first, count, call)) break;
                    for (std::size_t i = 0; i < count; ++i) {
                        BindingKey key = first;
                        key.inside.port = static_cast<std::uint16_t>(key.inside.port + i);
                        held.emplace(call, key);
                    }
                    break;
                case 1:
                    for (auto [one, end] = held.equal_range(call); one != end; ++one) {
                        (void)t.table.release(one->second, call, at(now));
                    }
                    held.erase(call);
                    break;
                case 2: (void)t.table.listen(first, 0, at(now + 30), at(now)); break;
                default: t.table.expire(at(now), [](const BindingKey&, std::uint16_t) {}); break;
            }
            std::set<std::uint16_t> ports;
            for (const auto& [key, binding] : t.table.all()) {
                ASSERT_TRUE(ports.insert(binding.port).second) << "seed " << seed << " step " << step;
                ASSERT_EQ(t.table.inside_of(Transport::udp, {kOutside, binding.port}), key.inside);
            }
            ASSERT_EQ(t.table.ports_taken(Transport::udp, kOutside), ports.size());
            for (const auto& [owner, key] : held) ASSERT_TRUE(t.table.outside_port(key)) << "seed " << seed;
        }
        for (const auto& [call, key] : held) (void)t.table.release(key, call, at(now));
        for (int later = 0; later < 3; ++later) {
            t.table.expire(at(now + 1000 * (later + 1)), [](const BindingKey&, std::uint16_t) {});
        }
        EXPECT_EQ(t.table.size(), 0U) << "seed " << seed;
        EXPECT_EQ(t.table.ports_taken(Transport::udp, kOutside), 0U);
    }
}

}  // namespace
}  // namespace messenger::alg
