// SPDX-License-Identifier: GPL-2.0-or-later
#include <atomic>
#include <mutex>
#include <vector>

#include "tests/nft/kernel/lab.h"
#include "tests/nft/kernel/queue_reader.h"

namespace messenger::nft::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kQueue = 5060;
constexpr MarkLayout kMarks;

class SignallingTest : public LabTest {
   protected:
    void SetUp() override {
        LabTest::SetUp();
        if (HasFatalFailure() || IsSkipped()) return;
        install_firewall();
        // what a stranger to us sets must reach the daemon without our bits, and the far side with its own
        run_nft(R"(
table inet marks {
    chain before { type filter hook prerouting priority mangle; meta mark set 0x60000005; }
    chain after { type filter hook postrouting priority mangle; meta l4proto udp meta mark != 0x00000005 counter; }
})");
        Transaction elements;
        elements.add(SetId::sip_ports, {Key::port(Protocol::udp, 5060), {}, {}});
        SchemaOptions chosen = options();
        chosen.signalling_queue = {kQueue, 1};
        install(chosen, elements);
        client_.emplace(udp_inside(at("10.1.2.3", 15060)));
        server_.emplace(udp_outside(at("203.0.113.30", 5060)));
    }
    void TearDown() override {
        client_.reset();
        server_.reset();
        LabTest::TearDown();
    }
    UdpSocket& client() { return *client_; }
    UdpSocket& server() { return *server_; }
    /// Sends from inside and waits until it has arrived.
    bool to_server() {
        client().send(at("203.0.113.30", 5060), "to server");
        return server().receive().has_value();
    }
    bool to_client() {
        server().send(at("10.1.2.3", 15060), "to client");
        return client().receive().has_value();
    }
    /// The mark of the client's flow.
    static std::uint32_t ct_mark() {
        auto found = Conntrack(open_socket()).find({Protocol::udp, at("10.1.2.3", 15060), at("203.0.113.30", 5060)});
        return found && *found ? (*found)->mark : 0;
    }

   private:
    std::optional<UdpSocket> client_;
    std::optional<UdpSocket> server_;
};

/// What the queue has shown, and what it answers.
struct Daemon {
    std::atomic<std::uint32_t> seen = 0;
    std::atomic<std::uint32_t> answer = 0;  // bits to set in the packet mark; 0: leaves the mark alone

    QueueReader::OnPacket handler() {
        return [this](const QueuedPacket& packet) {
            seen = packet.mark;
            return answer == 0 ? std::nullopt : std::optional<std::uint32_t>(packet.mark | answer);
        };
    }
};

TEST_F(SignallingTest, BothDirectionsOfASipPortGoToTheQueue) {
    Daemon daemon;
    const QueueReader reader(kQueue, daemon.handler());
    ASSERT_TRUE(to_server());
    ASSERT_TRUE(to_client());
    EXPECT_EQ(reader.packets(), 2U);
    EXPECT_EQ(daemon.seen, 0x5U);  // nobody else can claim a SIP stream
    client().send(at("203.0.113.30", 5080), "another port");
    UdpSocket other = udp_outside(at("203.0.113.30", 5080));
    client().send(at("203.0.113.30", 5080), "another port");
    EXPECT_TRUE(other.receive());
    EXPECT_EQ(reader.packets(), 2U);
}

TEST_F(SignallingTest, ASipVerdictIsRememberedAndShownAgain) {
    Daemon daemon;
    const QueueReader reader(kQueue, daemon.handler());
    daemon.answer = kMarks.sip();
    ASSERT_TRUE(to_server());
    EXPECT_EQ(ct_mark(), kMarks.sip());
    daemon.answer = 0;
    ASSERT_TRUE(to_client());
    EXPECT_EQ(daemon.seen, kMarks.sip() | 0x5U);
    EXPECT_EQ(ct_mark(), kMarks.sip());
    // our bits have left the packets again
    EXPECT_NE(run_command("nft list chain inet marks after").find("counter packets 0"), std::string::npos);
}

TEST_F(SignallingTest, AnOpaqueVerdictKeepsTheFlowFromTheQueue) {
    Daemon daemon;
    const QueueReader reader(kQueue, daemon.handler());
    daemon.answer = kMarks.opaque();
    ASSERT_TRUE(to_server());
    EXPECT_EQ(ct_mark(), kMarks.opaque());
    ASSERT_TRUE(to_client());
    ASSERT_TRUE(to_server());
    EXPECT_EQ(ct_mark(), kMarks.opaque());
    EXPECT_EQ(reader.packets(), 1U);
}

TEST_F(SignallingTest, AListenerLearntAtRunTimeGoesToTheQueue) {
    Daemon daemon;
    const QueueReader reader(kQueue, daemon.handler());
    UdpSocket listener = udp_inside(at("10.1.2.3", 12345));
    UdpSocket caller = udp_outside(at("203.0.113.30", 12000));
    listener.send(at("203.0.113.30", 12000), "not known yet");
    ASSERT_TRUE(caller.receive());
    EXPECT_EQ(reader.packets(), 0U);
    Transaction change;
    change.add(SetId::sip_endpoints4, {Key::endpoint(Protocol::udp, at("10.1.2.3", 12345)), 60s, {}});
    commit(change);
    caller.send(at("10.1.2.3", 12345), "call-back");
    ASSERT_TRUE(listener.receive());
    listener.send(at("203.0.113.30", 12000), "answer");
    ASSERT_TRUE(caller.receive());
    EXPECT_EQ(reader.packets(), 2U);
}

TEST_F(SignallingTest, SipPassesWhenNobodyListensToTheQueue) {
    EXPECT_TRUE(to_server());
    EXPECT_TRUE(to_client());
}

}  // namespace
}  // namespace messenger::nft::testing
