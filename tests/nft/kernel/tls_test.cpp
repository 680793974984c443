// SPDX-License-Identifier: GPL-2.0-or-later
#include <optional>
#include <thread>

#include "tests/nft/kernel/lab.h"
#include "tests/nft/kernel/queue_reader.h"

namespace messenger::nft::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kQueue = 5060;

const Endpoint kClient = at("10.1.2.3", 15061);
const Endpoint kServer = at("203.0.113.30", 5061);
const Key kConnection = Key::tuple({Protocol::tcp, kClient, kServer});

/// A TLS connection from inside; what is in it does not matter here.
class TlsTest : public LabTest {
   protected:
    void SetUp() override {
        LabTest::SetUp();
        if (HasFatalFailure() || IsSkipped()) return;
        install_firewall();
        install(watching({at("203.0.113.0", 0).address, 24}));
    }
    void TearDown() override {
        client_.reset();
        server_.reset();
        LabTest::TearDown();
    }
    static SchemaOptions watching(const Network& servers) {
        SchemaOptions chosen = options();
        chosen.signalling_queue = {kQueue, 1};
        chosen.tls = TlsWatch{{servers}, 5061, 2s};
        return chosen;
    }
    void connect() {
        const TcpListener listener = outside().run([] { return TcpListener(kServer); });
        client_.emplace(inside().run([] { return TcpConnection(kClient, kServer); }));
        server_.emplace(listener.accept());
    }
    void believe() {
        Transaction change;
        change.add(SetId::tls_clients4, {kConnection, 2s, {}, {}});
        commit(change);
    }
    bool is_live() {
        const auto found = ruleset().find(SetId::tls_clients4, kConnection);
        return found && found->has_value();
    }
    bool both_ways() {
        client_->send("to server");
        if (server_->receive() != "to server") return false;
        server_->send("to client");
        return client_->receive() == "to client";
    }
    void end_client() { client_.reset(); }
    void end_server() { server_.reset(); }

    QueueReader passing_on() const {
        return {kQueue, [](const QueuedPacket&) { return std::optional<std::uint32_t>(); }};
    }

   private:
    std::optional<TcpConnection> client_;
    std::optional<TcpConnection> server_;
};

TEST_F(TlsTest, TheDaemonSeesAConnectionUntilItIsKnown) {
    const QueueReader daemon = passing_on();
    connect();
    ASSERT_TRUE(both_ways());
    const std::size_t seen = daemon.packets();
    EXPECT_GE(seen, 5U) << "handshake and data";
    believe();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(both_ways());
    EXPECT_LE(daemon.packets(), seen + 2) << "acknowledgements that were on their way";
}

TEST_F(TlsTest, ItsPacketsKeepItAliveEitherWayAndSilenceEndsIt) {
    const QueueReader daemon = passing_on();
    connect();
    believe();
    for (int i = 0; i < 6; ++i) {
        std::this_thread::sleep_for(500ms);
        ASSERT_TRUE(both_ways());
    }
    EXPECT_TRUE(is_live()) << "three seconds later";
    std::this_thread::sleep_for(2200ms);
    EXPECT_FALSE(is_live());
}

TEST_F(TlsTest, ItsEndTakesItAwayAndIsShownToTheDaemon) {
    const QueueReader daemon(kQueue, [](const QueuedPacket&) { return std::optional<std::uint32_t>(); });
    connect();
    believe();
    ASSERT_TRUE(both_ways());
    const std::size_t seen = daemon.packets();
    EXPECT_TRUE(is_live());
    end_server();
    std::this_thread::sleep_for(200ms);
    EXPECT_FALSE(is_live());
    EXPECT_GT(daemon.packets(), seen);
    end_client();
}

TEST_F(TlsTest, ItsEndTakesItAwayWithoutADaemon) {
    connect();
    believe();
    ASSERT_TRUE(both_ways());
    EXPECT_TRUE(is_live());
    end_server();
    std::this_thread::sleep_for(200ms);
    EXPECT_FALSE(is_live());
    end_client();
}

TEST_F(TlsTest, OtherServersAndPortsAreNoneOfOurs) {
    install(watching({at("203.0.113.128", 0).address, 25}));
    const QueueReader daemon = passing_on();
    connect();
    EXPECT_TRUE(both_ways());
    EXPECT_EQ(daemon.packets(), 0U);
}

}  // namespace
}  // namespace messenger::nft::testing
