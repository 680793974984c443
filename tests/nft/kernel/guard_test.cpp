// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/nft/kernel/lab.h"
#include "tests/nft/kernel/queue_reader.h"

namespace messenger::nft::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kQueue = 5060;
constexpr MarkLayout kMarks;

const Endpoint kClient = at("10.1.2.3", 15060);
const Endpoint kServer = at("203.0.113.30", 5060);

/// A SIP connection from inside through a masquerading gateway.
class GuardTest : public LabTest {
   protected:
    void SetUp() override {
        LabTest::SetUp();
        if (HasFatalFailure() || IsSkipped()) return;
        install_masquerading_firewall();
        // a bit of ours that others set must not pass for a verdict
        run_nft(
            "table inet marks { chain before { type filter hook prerouting priority mangle; "
            "meta mark set 0x80000005; }; }");
        Transaction elements;
        elements.add(SetId::sip_ports, {Key::port(Protocol::tcp, 5060), {}, {}});
        SchemaOptions chosen = options();
        chosen.signalling_queue = {kQueue, 1};
        chosen.nat_interfaces = {"wan"};
        install(chosen, elements);
    }
    void TearDown() override {
        client_.reset();
        server_.reset();
        LabTest::TearDown();
    }

    /// Passes everything on, and marks it as the daemon marks what it has edited.
    static QueueReader editor() {
        return {kQueue, [](const QueuedPacket& packet) { return packet.mark | kMarks.edited(); }};
    }
    void connect() {
        const TcpListener listener = outside().run([] { return TcpListener(kServer); });
        client_.emplace(inside().run([] { return TcpConnection(kClient, kServer); }));
        server_.emplace(listener.accept());
    }
    void hand_over(std::chrono::milliseconds timeout) {
        Transaction change;
        change.refresh(SetId::handover, {Key::protocol(Protocol::tcp), timeout, {}});
        commit(change);
    }
    TcpConnection& client() { return *client_; }
    TcpConnection& server() { return *server_; }
    bool to_server(std::string_view text) {
        client().send(text);
        return server().receive() == text;
    }
    static std::uint32_t ct_mark() {
        auto found = Conntrack(open_socket()).find({Protocol::tcp, kClient, kServer});
        return found && *found ? (*found)->mark : 0;
    }

   private:
    std::optional<TcpConnection> client_;
    std::optional<TcpConnection> server_;
};

TEST_F(GuardTest, AConnectionThatIsNotEditedGoesOnWithoutADaemon) {
    {
        const QueueReader daemon(kQueue, [](const QueuedPacket&) { return std::optional<std::uint32_t>(); });
        connect();
        EXPECT_TRUE(to_server("with"));
    }
    EXPECT_EQ(ct_mark(), 0U);
    EXPECT_TRUE(to_server("without"));
}

TEST_F(GuardTest, AnEditedConnectionGoesOnWhileTheDaemonPassesItsPackets) {
    const QueueReader daemon = editor();
    connect();
    EXPECT_TRUE(to_server("one"));
    EXPECT_EQ(ct_mark(), kMarks.edited());
    EXPECT_TRUE(to_server("two"));
    server().send("answer");
    EXPECT_EQ(client().receive(), "answer");
}

TEST_F(GuardTest, WithoutADaemonBothEndsOfAnEditedConnectionAreResetAsSoonAsTheySend) {
    {
        const QueueReader daemon = editor();
        connect();
        EXPECT_TRUE(to_server("edited"));
    }
    server().send("not edited");
    EXPECT_EQ(server().receive(), "reset");
    client().send("not edited");
    EXPECT_EQ(client().receive(), "reset");
    const auto counted = schema().guard_counts();
    ASSERT_TRUE(ok(counted));
    EXPECT_EQ(counted->reset, 2U);
    EXPECT_EQ(counted->waited, 0U);
}

TEST_F(GuardTest, AHandoverKeepsAnEditedConnectionForTheNextDaemon) {
    {
        const QueueReader daemon = editor();
        connect();
        EXPECT_TRUE(to_server("first daemon"));
        hand_over(10s);
    }
    client().send("sent between them");
    EXPECT_TRUE(server().hears_nothing());
    EXPECT_TRUE(client().hears_nothing());
    EXPECT_GE(schema().guard_counts()->waited, 1U);
    EXPECT_EQ(schema().guard_counts()->reset, 0U);
    const QueueReader daemon = editor();
    EXPECT_EQ(server().receive(3s), "sent between them");  // TCP sends again
    EXPECT_TRUE(to_server("second daemon"));
}

TEST_F(GuardTest, AHandoverThatNobodyTakesEndsInAReset) {
    {
        const QueueReader daemon = editor();
        connect();
        EXPECT_TRUE(to_server("edited"));
        hand_over(500ms);
    }
    client().send("not edited");
    EXPECT_TRUE(client().hears_nothing());
    EXPECT_EQ(client().receive(5s), "reset");
}

// Segments that begin far behind what the receiver's window allows: rules of the two hosts write that into them. What
// conntrack finds invalid is not translated either, so nobody sees it come from an outside address.
class LiberalTest : public GuardTest {
   protected:
    void SetUp() override {
        GuardTest::SetUp();
        if (HasFatalFailure() || IsSkipped()) return;
        connect();
        ASSERT_TRUE(to_server("before"));
    }
    static bool arrives(TcpConnection& from, const NetNamespace& here, const NetNamespace& there) {
        constexpr std::uint32_t kFar = 1U << 24U;
        const std::string sequence = std::to_string(from.next_sequence() + kFar);
        here.run([&] {
            run_nft(
                "table inet sends { chain c { type filter hook output priority 0; ip length > 100 tcp sequence set " +
                sequence + "; }; }");
        });
        there.run([&] {
            run_nft(
                "table inet sees { chain c { type filter hook input priority -300; "
                "ip saddr 203.0.113.0/24 tcp sequence " +
                sequence + " counter drop; }; }");
        });
        from.send(std::string(200, 'x'));
        for (int i = 0; i < 30; ++i) {
            const std::string seen = there.run([] { return run_command("sleep 0.01; nft list table inet sees"); });
            if (seen.find("counter packets 0 ") == std::string::npos) return true;
        }
        return false;
    }
};

TEST_F(LiberalTest, ConntrackKeepsSegmentsOutsideTheWindowFromTheFirewall) {
    EXPECT_FALSE(arrives(client(), inside(), outside()));
    EXPECT_FALSE(arrives(server(), outside(), inside()));
}

TEST_F(LiberalTest, ALiberalFlowPassesThemInBothDirections) {
    Conntrack conntrack(open_socket());
    const FlowTuple tuple{Protocol::tcp, kServer, kClient};
    auto before = conntrack.find(tuple);
    ASSERT_TRUE(ok(before));
    EXPECT_FALSE(before->value().liberal);
    auto set = conntrack.set_liberal(tuple);
    ASSERT_TRUE(ok(set));
    EXPECT_TRUE(*set);
    EXPECT_TRUE(conntrack.find(tuple)->value().liberal);
    EXPECT_TRUE(arrives(client(), inside(), outside()));
    EXPECT_TRUE(arrives(server(), outside(), inside()));
}

TEST_F(LiberalTest, OfAFlowThatIsNotThereThereIsNothingToSet) {
    auto set = Conntrack(open_socket()).set_liberal({Protocol::tcp, at("10.1.2.3", 1), at("203.0.113.30", 2)});
    ASSERT_TRUE(ok(set));
    EXPECT_FALSE(*set);
}

}  // namespace
}  // namespace messenger::nft::testing
