// SPDX-License-Identifier: GPL-2.0-or-later
#include <thread>

#include "nft/traffic.h"
#include "tests/nft/kernel/lab.h"
#include "tests/nft/kernel/queue_reader.h"

namespace messenger::nft::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kAdmitQueue = 5070;
constexpr std::uint64_t kIpv4UdpHeaders = 28;

/// Admits every first packet as the daemon does: seeds its conntrack entry, remembers its tuple, lets it go.
class Admission {
   public:
    Admission(Conntrack conntrack, NetlinkSocket socket)
        : conntrack_(std::move(conntrack)),
          ruleset_(std::move(socket)),
          reader_(kAdmitQueue, [this](const QueuedPacket& packet) {
              const FlowTuple& tuple = packet.tuple;
              EXPECT_TRUE(ok(conntrack_.seed({tuple, 0, 30s})));
              Transaction admitted;
              admitted.add(nft::admitted(tuple.source.address.family()), {Key::tuple(tuple), 20s, {}});
              EXPECT_TRUE(ok(ruleset_.commit(admitted)));
              return std::optional<std::uint32_t>();
          }) {}
    [[nodiscard]] unsigned packets() const { return reader_.packets(); }

   private:
    Conntrack conntrack_;
    KernelRuleset ruleset_;
    QueueReader reader_;
};

class MediaTest : public LabTest {
   protected:
    void SetUp() override {
        LabTest::SetUp();
        if (HasFatalFailure() || IsSkipped()) return;
        install_firewall();
        SchemaOptions chosen = options();
        chosen.admit_queue = kAdmitQueue;
        install(chosen);
    }
    void open_pinhole(const char* remote, const Endpoint& inside, std::chrono::milliseconds timeout = 60s,
                      Protocol protocol = Protocol::udp) {
        const Key key = Key::pinhole(*Address::parse(remote), protocol, inside);
        Transaction change;
        change.add(pinholes(inside.address.family()), {key, timeout, Comment("test")});
        commit(change);
    }
    void close_pinhole(const char* remote, const Endpoint& inside) {
        Transaction change;
        change.remove(pinholes(inside.address.family()), Key::pinhole(*Address::parse(remote), Protocol::udp, inside));
        commit(change);
    }
    Traffic traffic_of(const Endpoint& inside) {
        const InsideEndpoint one[] = {{Protocol::udp, inside}};
        const auto traffic = read_traffic(ruleset(), one);
        EXPECT_TRUE(ok(traffic));
        return traffic ? traffic->front() : Traffic{};
    }
};

TEST_F(MediaTest, APinholeLetsMediaThroughTheUntouchedFirewall) {
    const Endpoint local = at("10.1.2.3", 5350);
    UdpSocket phone = udp_inside(local);
    UdpSocket peer = udp_outside(at("203.0.113.30", 9000));
    Admission daemon(Conntrack(open_socket()), open_socket());
    peer.send(local, "no pinhole");
    EXPECT_TRUE(phone.hears_nothing());
    EXPECT_EQ(daemon.packets(), 0U);

    open_pinhole("203.0.113.30", local);
    for (const char* text : {"first", "second", "third"}) {
        peer.send(local, text);
        const auto heard = phone.receive();
        ASSERT_TRUE(heard) << text;
        EXPECT_EQ(heard->text, text);
    }
    EXPECT_EQ(daemon.packets(), 1U);  // the rest goes by the set of admitted tuples
    UdpSocket other = udp_inside(at("10.1.2.3", 5351));
    peer.send(at("10.1.2.3", 5351), "another port");
    EXPECT_TRUE(other.hears_nothing());
}

TEST_F(MediaTest, APinholeLetsMediaThroughOverIpv6) {
    const Endpoint local = at("fd01::3", 5350);
    UdpSocket phone = udp_inside(local);
    UdpSocket peer = udp_outside(at("2001:db8::30", 9000));
    Admission daemon(Conntrack(open_socket()), open_socket());
    peer.send(local, "no pinhole");
    EXPECT_TRUE(phone.hears_nothing());
    open_pinhole("2001:db8::30", local);
    peer.send(local, "first");
    EXPECT_TRUE(phone.receive());
    phone.send(at("2001:db8::30", 9000), "answer");
    EXPECT_TRUE(peer.receive());
    const Traffic traffic = traffic_of(local);
    EXPECT_EQ(traffic.inbound.packets, 1U);
    EXPECT_EQ(traffic.outbound.packets, 1U);
}

TEST_F(MediaTest, AnOpenPinholeTakesAnyRemote) {
    const Endpoint local = at("10.1.2.3", 5350);
    UdpSocket phone = udp_inside(local);
    Admission daemon(Conntrack(open_socket()), open_socket());
    Transaction change;
    change.add(SetId::open4, {Key::endpoint(Protocol::udp, local), 60s, {}});
    commit(change);
    for (const std::uint16_t port : std::array<std::uint16_t, 2>{9000, 9001}) {
        UdpSocket peer = udp_outside(at("203.0.113.30", port));
        peer.send(local, "early media");
        EXPECT_TRUE(phone.receive());
    }
    EXPECT_EQ(daemon.packets(), 2U);
    const Traffic traffic = traffic_of(local);
    EXPECT_EQ(traffic.inbound.packets, 2U);
}

TEST_F(MediaTest, AConnectionGoesThroughAPinhole) {
    const TcpListener listener = inside().run([] { return TcpListener(at("10.1.2.3", 1503)); });
    const auto connects = [&](std::uint16_t from) {
        return outside().run([&] { return can_connect(at("203.0.113.30", from), at("10.1.2.3", 1503), 800ms); });
    };
    Admission daemon(Conntrack(open_socket()), open_socket());
    EXPECT_FALSE(connects(40000));
    open_pinhole("203.0.113.30", at("10.1.2.3", 1503), 60s, Protocol::tcp);
    EXPECT_TRUE(connects(40001));
}

TEST_F(MediaTest, WhatRunsWhileALargeTransactionIsReadDoesNotBringAClosedPinholeBack) {
    constexpr int kRounds = 20;
    constexpr int kAtMost = 5;  // between the last message of a transaction and its end there are some microseconds
    const Endpoint local = at("10.1.2.3", 5350);
    UdpSocket phone = udp_inside(local);
    UdpSocket peer = udp_outside(at("203.0.113.30", 9000));
    Admission daemon(Conntrack(open_socket()), open_socket());
    std::jthread media([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            peer.send(local, "media");
            std::this_thread::sleep_for(200us);
        }
    });
    int brought_back = 0;
    for (int round = 0; round < kRounds; ++round) {
        open_pinhole("203.0.113.30", local);
        ASSERT_TRUE(phone.receive());
        Transaction change;
        const Key key = Key::pinhole(*Address::parse("203.0.113.30"), Protocol::udp, local);
        change.remove(SetId::pinholes4, key);
        for (std::uint16_t port = 1; port <= 500; ++port) {
            change.refresh(SetId::callbacks4,
                           {Key::pinhole(*Address::parse("203.0.113.40"), Protocol::udp, at("10.1.2.3", port)),
                            60s,
                            Comment("others"),
                            {}});
        }
        commit(change);
        const auto found = ruleset().find(SetId::pinholes4, key);
        ASSERT_TRUE(ok(found));
        if (!*found) continue;
        ++brought_back;
        close_pinhole("203.0.113.30", local);
    }
    EXPECT_LE(brought_back, kAtMost);
}

TEST_F(MediaTest, RemovingThePinholeCutsAnEstablishedFlowAtOnceInBothDirections) {
    const Endpoint local = at("10.1.2.3", 5350);
    const Endpoint remote = at("203.0.113.30", 9000);
    UdpSocket phone = udp_inside(local);
    UdpSocket peer = udp_outside(remote);
    Admission daemon(Conntrack(open_socket()), open_socket());
    open_pinhole("203.0.113.30", local);
    peer.send(local, "in");
    ASSERT_TRUE(phone.receive());
    phone.send(remote, "out");
    ASSERT_TRUE(peer.receive());

    close_pinhole("203.0.113.30", local);
    peer.send(local, "in");
    EXPECT_TRUE(phone.hears_nothing());
    phone.send(remote, "out");
    EXPECT_TRUE(peer.hears_nothing());
    EXPECT_NE(run_command("nft list chain inet messenger_alg media").find("counter packets 2 bytes"),
              std::string::npos);
}

TEST_F(MediaTest, MediaKeepsThePinholeAliveAndSilenceDoesNot) {
    SchemaOptions chosen = options();
    chosen.admit_queue = kAdmitQueue;
    chosen.media_silence = 400ms;
    install(chosen);
    const Endpoint local = at("10.1.2.3", 5350);
    UdpSocket phone = udp_inside(local);
    UdpSocket peer = udp_outside(at("203.0.113.30", 9000));
    Admission daemon(Conntrack(open_socket()), open_socket());
    open_pinhole("203.0.113.30", local, 300ms);
    for (int i = 0; i < 8; ++i) {  // 800 ms in all
        peer.send(local, "media");
        ASSERT_TRUE(phone.receive()) << i;
        std::this_thread::sleep_for(100ms);
    }
    std::this_thread::sleep_for(500ms);
    EXPECT_TRUE(ruleset().list(SetId::pinholes4)->empty());
    peer.send(local, "late");
    EXPECT_TRUE(phone.hears_nothing());
}

TEST_F(MediaTest, MediaGivesThePinholeTheSilenceTimeoutAndKeepsItsComment) {
    const Endpoint local = at("10.1.2.3", 5350);
    UdpSocket phone = udp_inside(local);
    Admission daemon(Conntrack(open_socket()), open_socket());
    open_pinhole("203.0.113.30", local, 5s);
    phone.send(at("203.0.113.30", 9000), "outbound refreshes too");
    std::this_thread::sleep_for(100ms);
    const auto stored =
        *ruleset().find(SetId::pinholes4, Key::pinhole(*Address::parse("203.0.113.30"), Protocol::udp, local));
    ASSERT_TRUE(stored);
    EXPECT_GT(stored->expires, 100s);
    EXPECT_EQ(stored->element.comment.text(), "test");
}

TEST_F(MediaTest, CountsEachPacketOnceInItsDirection) {
    const Endpoint local = at("10.1.2.3", 5350);
    const Endpoint remote = at("203.0.113.30", 9000);
    UdpSocket phone = udp_inside(local);
    UdpSocket peer = udp_outside(remote);
    Admission daemon(Conntrack(open_socket()), open_socket());
    open_pinhole("203.0.113.30", local);
    EXPECT_EQ(traffic_of(local), Traffic{});
    for (int i = 0; i < 7; ++i) {
        peer.send(local, std::string(160, 'i'));
        ASSERT_TRUE(phone.receive());
    }
    for (int i = 0; i < 3; ++i) {
        phone.send(remote, std::string(20, 'o'));
        ASSERT_TRUE(peer.receive());
    }
    const Traffic wanted{{7, 7 * (160 + kIpv4UdpHeaders)}, {3, 3 * (20 + kIpv4UdpHeaders)}};
    const InsideEndpoint both[] = {{Protocol::udp, at("10.1.2.3", 5351)}, {Protocol::udp, local}};
    auto some = read_traffic(ruleset(), both);
    ASSERT_TRUE(ok(some));
    EXPECT_EQ(*some, (std::vector<Traffic>{{}, wanted}));
}

TEST_F(MediaTest, PassesWhenTheCounterSetsAreFull) {
    SchemaOptions chosen = options();
    chosen.admit_queue = kAdmitQueue;
    chosen.set_size = 1;
    install(chosen);
    const Endpoint local = at("10.1.2.3", 5350);
    Transaction fill;
    fill.add(SetId::received4, {Key::endpoint(Protocol::udp, at("10.9.9.9", 9)), 60s, {}});
    commit(fill);
    open_pinhole("203.0.113.30", local);
    ASSERT_TRUE(ok(Conntrack(open_socket()).seed({{Protocol::udp, at("203.0.113.30", 9000), local}, 0, 30s})));
    UdpSocket phone = udp_inside(local);
    UdpSocket peer = udp_outside(at("203.0.113.30", 9000));
    for (const char* text : {"the first", "of a flow that is known"}) {
        peer.send(local, text);
        EXPECT_TRUE(phone.receive()) << text;
    }
}

TEST_F(MediaTest, PassageByMarkNeedsOneRuleOfTheOperatorAndNoDaemon) {
    run_command("nft delete table inet operator");
    run_nft(R"(
table inet operator {
    chain other_marks { type filter hook prerouting priority mangle; meta mark set 0x46ab0034; ct mark set 0x00000007; }
    chain forward {
        type filter hook forward priority filter; policy drop;
        meta mark 0x40ab1134 counter
        meta mark & 0xff00 == 0x1100 accept
    }
})");
    SchemaOptions chosen = options();
    chosen.passage_mark = PassageMark{0x1100, 0xff00};
    chosen.marks.base_bit = 24;  // so that bits 25 and 26, which the operator sets, are ours, and their 30 is not
    install(chosen);
    const Endpoint local = at("10.1.2.3", 5350);
    UdpSocket phone = udp_inside(local);
    UdpSocket peer = udp_outside(at("203.0.113.30", 9000));
    peer.send(local, "no pinhole");
    EXPECT_TRUE(phone.hears_nothing());
    open_pinhole("203.0.113.30", local);
    for (const char* text : {"the first", "of a flow that is known"}) {
        peer.send(local, text);
        EXPECT_TRUE(phone.receive()) << text;
    }
    // no bit of theirs has changed, in either mark, and none of ours is taken for a verdict of the daemon
    EXPECT_NE(run_command("nft list chain inet operator forward").find("meta mark 0x40ab1134 counter packets 2"),
              std::string::npos);
    EXPECT_EQ(Conntrack(open_socket()).find({Protocol::udp, at("203.0.113.30", 9000), local}).operator*()->mark,
              0x01000007U);
}

TEST_F(MediaTest, PassageByMarkWorksWithoutConnectionTracking) {
    run_command("nft flush ruleset");
    run_nft(R"(
table inet operator {
    chain no_conntrack { type filter hook prerouting priority raw; notrack; }
    chain forward {
        type filter hook forward priority filter; policy drop;
        meta mark & 0xff00 == 0x1100 accept
    }
})");
    SchemaOptions chosen = options();
    chosen.passage_mark = PassageMark{0x1100, 0xff00};
    install(chosen);
    const Endpoint local = at("10.1.2.3", 5350);
    UdpSocket phone = udp_inside(local);
    UdpSocket peer = udp_outside(at("203.0.113.30", 9000));
    peer.send(local, "no pinhole");
    EXPECT_TRUE(phone.hears_nothing());
    open_pinhole("203.0.113.30", local);
    peer.send(local, "media");
    EXPECT_TRUE(phone.receive());
}

TEST_F(MediaTest, WithoutADaemonTheFirstPacketFindsTheOperatorsFirewall) {
    const Endpoint local = at("10.1.2.3", 5350);
    UdpSocket phone = udp_inside(local);
    UdpSocket peer = udp_outside(at("203.0.113.30", 9000));
    open_pinhole("203.0.113.30", local);
    peer.send(local, "from outside");
    EXPECT_TRUE(phone.hears_nothing());
    phone.send(at("203.0.113.30", 9000), "from inside");
    EXPECT_TRUE(peer.receive());
}

}  // namespace
}  // namespace messenger::nft::testing
