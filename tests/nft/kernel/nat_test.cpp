// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/nft/kernel/lab.h"
#include "tests/nft/kernel/queue_reader.h"

namespace messenger::nft::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kAdmitQueue = 5070;

const Endpoint kInside = at("10.1.2.3", 5350);
const Endpoint kOutside = at("203.0.113.1", 40000);
const Endpoint kRemote = at("203.0.113.30", 9000);

class NatTest : public LabTest {
   protected:
    void SetUp() override {
        LabTest::SetUp();
        if (HasFatalFailure() || IsSkipped()) return;
        install_masquerading_firewall();
        SchemaOptions chosen = options();
        chosen.admit_queue = kAdmitQueue;
        chosen.nat_interfaces = {"wan"};
        install(chosen);
        conntrack_.emplace(open_socket());
    }
    Conntrack& conntrack() { return *conntrack_; }

    void give_outside_a_second_address() const {
        outside().run([] { run_command("ip address add 203.0.113.31/24 dev eth0"); });
    }
    void bind(Protocol protocol = Protocol::udp, const Endpoint& inside = kInside) {
        Transaction change;
        change.add(SetId::snat4, {Key::binding("wan", protocol, inside), 60s, Comment("binding"), kOutside});
        commit(change);
    }
    void redirect(const Address& remote) {
        Transaction change;
        change.add(SetId::dnat4, {Key::pinhole(remote, Protocol::udp, kOutside), 60s, Comment("audio rtp"), kInside});
        commit(change);
    }
    void open_pinhole(Protocol protocol = Protocol::udp, const Endpoint& inside = kInside) {
        Transaction change;
        change.add(SetId::pinholes4, {Key::pinhole(kRemote.address, protocol, inside), 60s, Comment("audio rtp")});
        change.add(SetId::outside4, {Key::pinhole(kRemote.address, protocol, kOutside), 60s, Comment("audio rtp")});
        commit(change);
    }
    /// Turns the outside ends of first packets back into the inside one, as the daemon does.
    QueueReader admission(const Endpoint& inside = kInside) {
        return {kAdmitQueue, [this, inside](const QueuedPacket& packet) {
                    EXPECT_EQ(packet.tuple.destination, kOutside);
                    const FlowTuple flow{packet.tuple.protocol, packet.tuple.source, inside};
                    EXPECT_TRUE(ok(conntrack_->seed({flow, 0, 30s, kOutside})));
                    Transaction admitted;
                    for (const FlowTuple& tuple : {packet.tuple, flow.reversed()}) {
                        admitted.add(SetId::admitted4, {Key::tuple(tuple), 20s, {}});
                    }
                    EXPECT_TRUE(ok(ruleset().commit(admitted)));
                    return std::optional<std::uint32_t>();
                }};
    }

   private:
    std::optional<Conntrack> conntrack_;
};

TEST_F(NatTest, ABindingGivesTheOutsidePortToWhateverTheInsideHostSends) {
    give_outside_a_second_address();
    UdpSocket phone = udp_inside(kInside);
    UdpSocket peer = udp_outside(kRemote);
    UdpSocket second = udp_outside(at("203.0.113.31", 7000));
    bind();
    phone.send(kRemote, "first");
    auto heard = peer.receive();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->from, kOutside);
    phone.send(at("203.0.113.31", 7000), "to another");
    heard = second.receive();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->from, kOutside);
    peer.send(kOutside, "answer");
    heard = phone.receive();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->from, kRemote);
}

TEST_F(NatTest, WhatIsExemptIsLeftToTheRulesOfTheOperator) {
    give_outside_a_second_address();
    run_command("nft insert rule inet operator postrouting ip daddr 203.0.113.31 accept");
    outside().run([] { run_command("ip route add 10.1.2.0/24 via 203.0.113.1"); });
    SchemaOptions chosen = schema().options();
    chosen.nat_exempt = {{*Address::parse("203.0.113.31"), 32}, {*Address::parse("2001:db8::"), 32}};
    install(chosen);
    bind();
    UdpSocket phone = udp_inside(kInside);
    UdpSocket peer = udp_outside(kRemote);
    UdpSocket exempt = udp_outside(at("203.0.113.31", 7000));
    phone.send(at("203.0.113.31", 7000), "to the exempt host");
    const auto plain = exempt.receive();
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->from, kInside);
    phone.send(kRemote, "to another");
    const auto heard = peer.receive();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->from, kOutside);
}

TEST_F(NatTest, OtherPortsAreLeftToTheMasqueradingOfTheOperator) {
    UdpSocket other = udp_inside(at("10.1.2.3", 5351));
    UdpSocket peer = udp_outside(kRemote);
    bind();
    other.send(kRemote, "plain");
    const auto heard = peer.receive();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->from, at("203.0.113.1", 5351));
}

TEST_F(NatTest, ABindingDoesNotTranslateWhatGoesToAnotherInsideNetwork) {
    const NetNamespace branch;
    run_command("set -e\nip link add branch type veth peer name eth0 netns " + branch.path() +
                "\nip address add 10.9.9.1/24 dev branch\nip link set branch up\n");
    branch.run([] {
        run_command(
            "set -e\nip address add 10.9.9.3/24 dev eth0\nip link set eth0 up\nip route add default via 10.9.9.1\n");
    });
    UdpSocket phone = udp_inside(kInside);
    UdpSocket peer = branch.run([] { return UdpSocket(at("10.9.9.3", 9000)); });
    bind();
    std::optional<Datagram> heard;
    for (int i = 0; i < 20 && !heard; ++i) {
        phone.send(at("10.9.9.3", 9000), "neighbour");
        heard = peer.receive(100ms);
    }
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->from, kInside);
}

TEST_F(NatTest, TheFirstPacketFromOutsideIsAdmittedAndTranslated) {
    UdpSocket phone = udp_inside(kInside);
    UdpSocket peer = udp_outside(kRemote);
    const QueueReader daemon = admission();
    bind();
    peer.send(kOutside, "no pinhole");
    EXPECT_TRUE(phone.hears_nothing());
    EXPECT_EQ(daemon.packets(), 0U);

    open_pinhole();
    for (const char* text : {"first", "second"}) {
        peer.send(kOutside, text);
        const auto heard = phone.receive();
        ASSERT_TRUE(heard) << text;
        EXPECT_EQ(heard->text, text);
        EXPECT_EQ(heard->from, kRemote);
    }
    phone.send(kRemote, "answer");
    const auto heard = peer.receive();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->from, kOutside);
    EXPECT_EQ(daemon.packets(), 1U);
}

TEST_F(NatTest, AnyRemoteIsAdmittedToAnOpenBinding) {
    give_outside_a_second_address();
    UdpSocket phone = udp_inside(kInside);
    const QueueReader daemon = admission();
    Transaction change;
    change.add(SetId::open4, {Key::endpoint(Protocol::udp, kInside), 60s, {}});
    change.add(SetId::outside_open4, {Key::endpoint(Protocol::udp, kOutside), 60s, {}});
    commit(change);
    for (const char* remote : {"203.0.113.30", "203.0.113.31"}) {
        UdpSocket peer = udp_outside(at(remote, 9000));
        peer.send(kOutside, remote);
        const auto heard = phone.receive();
        ASSERT_TRUE(heard) << remote;
        EXPECT_EQ(heard->from, at(remote, 9000));
    }
    EXPECT_EQ(daemon.packets(), 2U);
}

TEST_F(NatTest, AConnectionFromOutsideIsAdmittedAndTranslated) {
    const TcpListener listener = inside().run([] { return TcpListener(at("10.1.2.3", 1503)); });
    const auto connects = [&](std::uint16_t from) {
        return outside().run([&] { return can_connect(at("203.0.113.30", from), kOutside, 800ms); });
    };
    const QueueReader daemon = admission(at("10.1.2.3", 1503));
    EXPECT_FALSE(connects(30000));
    open_pinhole(Protocol::tcp, at("10.1.2.3", 1503));
    EXPECT_TRUE(connects(30001));
}

TEST_F(NatTest, ASeededFlowIsTranslatedWhoeverSendsFirst) {
    UdpSocket phone = udp_inside(kInside);
    UdpSocket peer = udp_outside(kRemote);
    const FlowTuple flow{Protocol::udp, kRemote, kInside};
    for (const bool inside_first : {false, true}) {
        auto seeded = conntrack().seed({flow, 0x10000000, 30s, kOutside});
        ASSERT_TRUE(ok(seeded));
        EXPECT_EQ(*seeded, Seeded::created);
        open_pinhole();
        if (inside_first) {
            phone.send(kRemote, "out");
            const auto heard = peer.receive();
            ASSERT_TRUE(heard);
            EXPECT_EQ(heard->from, kOutside);
        }
        peer.send(kOutside, "in");
        const auto heard = phone.receive();
        ASSERT_TRUE(heard);
        EXPECT_EQ(heard->from, kRemote);
        auto removed = conntrack().remove(flow);
        ASSERT_TRUE(ok(removed));
        EXPECT_TRUE(*removed);
        EXPECT_EQ(run_command("conntrack -L 2>/dev/null").find("dport=9000"), std::string::npos);
    }
}

TEST_F(NatTest, SeedingAgainSaysThatTheFlowIsThere) {
    const FlowTuple flow{Protocol::udp, kRemote, kInside};
    ASSERT_TRUE(ok(conntrack().seed({flow, 0, 30s, kOutside})));
    auto again = conntrack().seed({flow, 0, 30s, kOutside});
    ASSERT_TRUE(ok(again));
    EXPECT_EQ(*again, Seeded::already_there);
}

TEST_F(NatTest, SeedingReplacesWhatTranslatesTheFlowOtherwise) {
    UdpSocket phone = udp_inside(kInside);
    UdpSocket peer = udp_outside(kRemote);
    phone.send(kRemote, "masqueraded");
    auto heard = peer.receive();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->from, at("203.0.113.1", 5350));
    for (const std::uint16_t port : {kOutside.port, std::uint16_t{40002}}) {
        const Endpoint outside{kOutside.address, port};
        auto seeded = conntrack().seed({{Protocol::udp, kRemote, kInside}, 0, 30s, outside});
        ASSERT_TRUE(ok(seeded));
        EXPECT_EQ(*seeded, Seeded::created);
        phone.send(kRemote, "bound");
        heard = peer.receive();
        ASSERT_TRUE(heard);
        EXPECT_EQ(heard->from, outside);
        peer.send(outside, "answer");
        heard = phone.receive();
        ASSERT_TRUE(heard);
        EXPECT_EQ(heard->from, kRemote);
    }
}

TEST_F(NatTest, SeedingLeavesAFlowThatTheInsideHostHasBegunWithTheSameTranslation) {
    UdpSocket phone = udp_inside(kInside);
    UdpSocket peer = udp_outside(kRemote);
    bind();
    phone.send(kRemote, "first");
    ASSERT_TRUE(peer.receive());
    auto seeded = conntrack().seed({{Protocol::udp, kRemote, kInside}, 0, 30s, kOutside});
    ASSERT_TRUE(ok(seeded));
    EXPECT_EQ(*seeded, Seeded::already_there);
}

TEST_F(NatTest, TheMapRedirectsThePinnedRemoteOnly) {
    give_outside_a_second_address();
    run_nft("insert rule inet operator forward ct status dnat accept");
    UdpSocket phone = udp_inside(kInside);
    UdpSocket peer = udp_outside(kRemote);
    UdpSocket stranger = udp_outside(at("203.0.113.31", 9000));
    redirect(kRemote.address);
    stranger.send(kOutside, "mine?");
    EXPECT_TRUE(phone.hears_nothing());
    peer.send(kOutside, "mine");
    const auto heard = phone.receive();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->text, "mine");
    EXPECT_EQ(heard->from, kRemote);
}

TEST_F(NatTest, TellsHowAFlowIsTranslated) {
    const FlowTuple out{Protocol::udp, kInside, kRemote};
    const auto told = [&](const FlowTuple& tuple) {
        auto translation = conntrack().translation(tuple);
        EXPECT_TRUE(ok(translation));
        return *translation;
    };
    EXPECT_FALSE(told(out));
    UdpSocket phone = udp_inside(kInside);
    UdpSocket peer = udp_outside(kRemote);
    bind();
    phone.send(kRemote, "out");
    ASSERT_TRUE(peer.receive());
    for (const FlowTuple& tuple : {out, out.reversed()}) {
        ASSERT_TRUE(told(tuple));
        EXPECT_EQ(told(tuple)->outside, kOutside);
    }

    const FlowTuple from_outside{Protocol::udp, at("203.0.113.30", 9001), kInside};
    ASSERT_TRUE(ok(conntrack().seed({from_outside, 0x10000000, 30s, kOutside})));
    for (const FlowTuple& tuple : {from_outside, from_outside.reversed()}) {
        ASSERT_TRUE(told(tuple));
        EXPECT_EQ(told(tuple)->outside, kOutside);
        EXPECT_EQ(told(tuple)->mark, 0x10000000U);
    }

    const FlowTuple plain{Protocol::udp, at("203.0.113.30", 9002), kInside};
    ASSERT_TRUE(ok(conntrack().seed({plain, 0, 30s})));
    for (const FlowTuple& tuple : {plain, plain.reversed()}) {
        ASSERT_TRUE(told(tuple));
        EXPECT_EQ(told(tuple)->outside, std::nullopt);
    }
}

TEST_F(NatTest, FindsAndMarksATranslatedFlowAsTheForwardHookShowsIt) {
    const FlowTuple flow{Protocol::udp, kRemote, kInside};
    ASSERT_TRUE(ok(conntrack().seed({flow, 0, 30s, kOutside})));
    for (const FlowTuple& tuple : {flow, flow.reversed()}) {
        auto found = conntrack().find(tuple);
        ASSERT_TRUE(ok(found));
        ASSERT_TRUE(*found);
        EXPECT_EQ((*found)->original, (FlowTuple{Protocol::udp, kRemote, kOutside}));
        EXPECT_EQ((*found)->reply, flow.reversed());
        auto marked = conntrack().set_mark(tuple, 0x80000000, 0x80000000);
        ASSERT_TRUE(ok(marked));
        EXPECT_TRUE(*marked);
        EXPECT_EQ((*conntrack().find(tuple))->mark, 0x80000000U);
        ASSERT_TRUE(ok(conntrack().set_mark(tuple, 0, 0x80000000)));
    }
}

TEST_F(NatTest, MapsAreListedWithTargetsAndComments) {
    bind();
    redirect(kRemote.address);
    const auto listed = ruleset().list(SetId::snat4);
    ASSERT_TRUE(ok(listed));
    ASSERT_EQ(listed->size(), 1U);
    EXPECT_EQ(listed->front().element.key, Key::binding("wan", Protocol::udp, kInside));
    EXPECT_EQ(listed->front().element.target, kOutside);
    EXPECT_EQ(listed->front().element.comment.text(), "binding");
    EXPECT_EQ(listed->front().element.timeout, 60s);
    const auto found = ruleset().find(SetId::dnat4, Key::pinhole(kRemote.address, Protocol::udp, kOutside));
    ASSERT_TRUE(ok(found));
    ASSERT_TRUE(*found);
    EXPECT_EQ((*found)->element.target, kInside);
}

TEST_F(NatTest, AnElementLeadsElsewhereOnlyAfterARefresh) {
    bind();
    const Key key = Key::binding("wan", Protocol::udp, kInside);
    const Endpoint elsewhere = at("203.0.113.1", 40002);
    Transaction change;
    change.add(SetId::snat4, {key, 60s, {}, elsewhere});
    EXPECT_FALSE(ruleset().commit(change));
    change.clear();
    change.refresh(SetId::snat4, {key, 60s, {}, elsewhere});
    commit(change);
    EXPECT_EQ((*ruleset().find(SetId::snat4, key))->element.target, elsewhere);
    change.clear();
    change.remove(SetId::snat4, key);
    commit(change);
    EXPECT_TRUE(ruleset().list(SetId::snat4)->empty());
}

// What explain --nft prints must be what nft takes.
TEST_F(NatTest, TheTextOfATransactionIsReadByNft) {
    Transaction change;
    change.add(SetId::snat4, {Key::binding("wan", Protocol::udp, kInside), 60s, Comment("binding"), kOutside});
    change.add(SetId::dnat4,
               {Key::pinhole(kRemote.address, Protocol::udp, kOutside), 60s, Comment("audio rtp"), kInside});
    change.add(SetId::outside_open4, {Key::endpoint(Protocol::udp, kOutside), 60s, {}});
    change.add(SetId::handover, {Key::protocol(Protocol::tcp), 5s, {}});
    change.refresh(SetId::snat4, {Key::binding("wan", Protocol::udp, kInside), 90s, Comment("again"), kOutside});
    run_nft(change.to_nft());
    const auto listed = ruleset().list(SetId::snat4);
    ASSERT_TRUE(ok(listed));
    ASSERT_EQ(listed->size(), 1U);
    EXPECT_EQ(listed->front().element.target, kOutside);
    EXPECT_EQ(listed->front().element.comment.text(), "again");
    ASSERT_TRUE(*ruleset().find(SetId::handover, Key::protocol(Protocol::tcp)));
    change.clear();
    change.flush(SetId::snat4);
    change.remove(SetId::dnat4, Key::pinhole(kRemote.address, Protocol::udp, kOutside));
    run_nft(change.to_nft());
    EXPECT_TRUE(ruleset().list(SetId::snat4)->empty());
    EXPECT_TRUE(ruleset().list(SetId::dnat4)->empty());
}

}  // namespace
}  // namespace messenger::nft::testing
