// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/conntrack.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>

#include "tests/nft/kernel/lab.h"

namespace messenger::nft::testing {
namespace {

using namespace std::chrono_literals;

class ConntrackTest : public LabTest {
   protected:
    void SetUp() override {
        LabTest::SetUp();
        if (HasFatalFailure() || IsSkipped()) return;
        install_firewall();
        conntrack_.emplace(open_socket());
    }
    Conntrack& conntrack() { return *conntrack_; }

   private:
    std::optional<Conntrack> conntrack_;
};

TEST_F(ConntrackTest, ASeededFlowPassesAFirewallThatDropsByDefault) {
    UdpSocket phone = udp_inside(at("10.1.2.3", 5350));
    UdpSocket peer = udp_outside(at("203.0.113.30", 9000));
    peer.send(at("10.1.2.3", 5350), "too early");
    EXPECT_TRUE(phone.hears_nothing());

    auto seeded = conntrack().seed({{Protocol::udp, at("203.0.113.30", 9000), at("10.1.2.3", 5350)}, 0, 30s});
    ASSERT_TRUE(ok(seeded));
    EXPECT_EQ(*seeded, Seeded::created);
    peer.send(at("10.1.2.3", 5350), "first");
    const auto heard = phone.receive();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->text, "first");
}

TEST_F(ConntrackTest, ASeededFlowPassesOverIpv6) {
    UdpSocket phone = udp_inside(at("fd01::3", 5350));
    UdpSocket peer = udp_outside(at("2001:db8::30", 9000));
    peer.send(at("fd01::3", 5350), "too early");
    EXPECT_TRUE(phone.hears_nothing());
    ASSERT_TRUE(ok(conntrack().seed({{Protocol::udp, at("2001:db8::30", 9000), at("fd01::3", 5350)}, 0, 30s})));
    peer.send(at("fd01::3", 5350), "first");
    EXPECT_TRUE(phone.receive());
}

TEST_F(ConntrackTest, ASeededConnectionPassesAFirewallThatDropsByDefault) {
    const TcpListener listener = inside().run([] { return TcpListener(at("10.1.2.3", 1503)); });
    const auto connects = [&](std::uint16_t from) {
        return outside().run([&] { return can_connect(at("203.0.113.30", from), at("10.1.2.3", 1503), 400ms); });
    };
    EXPECT_FALSE(connects(40000));
    ASSERT_TRUE(ok(conntrack().seed({{Protocol::tcp, at("203.0.113.30", 40001), at("10.1.2.3", 1503)}, 0, 30s})));
    EXPECT_TRUE(connects(40001));
    EXPECT_FALSE(connects(40002));
}

TEST_F(ConntrackTest, TellsWhatIsThereAlreadyInEitherDirection) {
    const FlowTuple tuple{Protocol::udp, at("203.0.113.30", 9000), at("10.1.2.3", 5350)};
    ASSERT_TRUE(ok(conntrack().seed({tuple, 0x10000000, 30s})));
    for (const FlowTuple& again : {tuple, tuple.reversed()}) {
        auto seeded = conntrack().seed({again, 0, 300s});
        ASSERT_TRUE(ok(seeded));
        EXPECT_EQ(*seeded, Seeded::already_there);
    }
    auto found = conntrack().find(tuple.reversed());
    ASSERT_TRUE(ok(found));
    ASSERT_TRUE(*found);
    EXPECT_EQ((*found)->original, tuple);
    EXPECT_EQ((*found)->mark, 0x10000000U);
    EXPECT_EQ((*found)->status & (IPS_SEEN_REPLY | IPS_ASSURED), std::uint32_t{IPS_SEEN_REPLY | IPS_ASSURED});
    EXPECT_LE((*found)->timeout, 30s);
}

TEST_F(ConntrackTest, SeedsManyAtOnceEachByItself) {
    // More than go into one datagram; one is there already, and one twice.
    std::vector<FlowEntry> flows;
    for (std::uint16_t port = 5000; port < 5200; ++port) {
        flows.push_back({{Protocol::udp, at("203.0.113.30", 9000), at("10.1.2.3", port)}, 0x10000000, 30s, {}});
    }
    flows.push_back({{Protocol::tcp, at("2001:db8::30", 9000), at("fd01::3", 1503)}, 0x10000000, 30s, {}});
    flows.push_back(flows.front());
    ASSERT_TRUE(ok(conntrack().seed(flows[40])));

    const auto results = conntrack().seed_each(flows);
    ASSERT_EQ(results.size(), flows.size());
    for (std::size_t i = 0; i < flows.size(); ++i) {
        ASSERT_TRUE(ok(results[i]));
        const bool was_there = i == 40 || i + 1 == flows.size();
        EXPECT_EQ(*results[i], was_there ? Seeded::already_there : Seeded::created) << i;
        EXPECT_TRUE(*conntrack().find(flows[i].original)) << i;
    }

    for (FlowEntry& flow : flows) flow.original.source.port = 9002;
    conntrack().begin_seeding(flows);
    const auto in_halves = conntrack().finish_seeding(flows);
    ASSERT_EQ(in_halves.size(), flows.size());
    for (std::size_t i = 0; i < flows.size(); ++i) {
        ASSERT_TRUE(ok(in_halves[i]));
        EXPECT_EQ(*in_halves[i], i + 1 == flows.size() ? Seeded::already_there : Seeded::created) << i;
        EXPECT_TRUE(*conntrack().find(flows[i].original)) << i;
    }
}

TEST_F(ConntrackTest, WhatCannotBeSeededTakesNoOtherWithIt) {
    const FlowEntry good{{Protocol::udp, at("203.0.113.30", 9000), at("10.1.2.3", 5350)}, 0, 30s, {}};
    FlowEntry bad = good;
    bad.original.protocol = static_cast<Protocol>(IPPROTO_ICMP);  // which has no ports: the kernel refuses it
    const std::array<FlowEntry, 2> both{bad, good};
    const auto results = conntrack().seed_each(both);
    EXPECT_FALSE(results[0]);
    ASSERT_TRUE(ok(results[1]));
    EXPECT_EQ(*results[1], Seeded::created);
    EXPECT_TRUE(*conntrack().find(good.original));
    EXPECT_TRUE(conntrack().seed_each({}).empty());
    conntrack().begin_seeding({});
    EXPECT_TRUE(conntrack().finish_seeding({}).empty());
}

TEST_F(ConntrackTest, RemovesByEitherDirection) {
    const FlowTuple tuple{Protocol::tcp, at("203.0.113.30", 9000), at("10.1.2.3", 1503)};
    for (const FlowTuple& given : {tuple, tuple.reversed()}) {
        ASSERT_TRUE(ok(conntrack().seed({tuple, 0, 30s})));
        auto removed = conntrack().remove(given);
        ASSERT_TRUE(ok(removed));
        EXPECT_TRUE(*removed);
        auto again = conntrack().remove(given);
        ASSERT_TRUE(ok(again));
        EXPECT_FALSE(*again);
        EXPECT_FALSE(*conntrack().find(tuple));
    }
}

TEST_F(ConntrackTest, ChangesOnlyTheMaskedBitsOfAMark) {
    const FlowTuple tuple{Protocol::udp, at("fd01::3", 9000), at("2001:db8::30", 5350)};
    ASSERT_TRUE(ok(conntrack().seed({tuple, 0x00000123, 30s})));
    auto marked = conntrack().set_mark(tuple, 0x10000003, 0x1000000f);
    ASSERT_TRUE(ok(marked));
    EXPECT_TRUE(*marked);
    EXPECT_EQ((*conntrack().find(tuple))->mark, 0x10000123U);
    ASSERT_TRUE(ok(conntrack().set_mark(tuple, 0, 0x10000000)));
    EXPECT_EQ((*conntrack().find(tuple))->mark, 0x00000123U);
    auto absent = conntrack().set_mark({Protocol::udp, at("10.9.9.9", 1), at("10.9.9.8", 1)}, 0, 1);
    ASSERT_TRUE(ok(absent));
    EXPECT_FALSE(*absent);
}

TEST_F(ConntrackTest, ListsTheFlowsThatCarryAMark) {
    const FlowTuple ours{Protocol::udp, at("203.0.113.30", 9000), at("10.1.2.3", 5350)};
    const FlowTuple ours6{Protocol::tcp, at("2001:db8::30", 9000), at("fd01::3", 1503)};
    const FlowTuple theirs{Protocol::udp, at("203.0.113.30", 9001), at("10.1.2.3", 5351)};
    ASSERT_TRUE(ok(conntrack().seed({ours, 0x10000001, 30s})));
    ASSERT_TRUE(ok(conntrack().seed({ours6, 0x10000000, 30s})));
    ASSERT_TRUE(ok(conntrack().seed({theirs, 0x20000000, 30s})));
    auto listed = conntrack().list(0x10000000, 0x10000000);
    ASSERT_TRUE(ok(listed));
    std::vector<FlowTuple> tuples;
    for (const FlowState& state : *listed) tuples.push_back(state.original);
    std::sort(tuples.begin(), tuples.end());
    std::vector<FlowTuple> wanted{ours, ours6};
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(tuples, wanted);
}

}  // namespace
}  // namespace messenger::nft::testing
