// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/queue/queue_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nft/features.h"
#include "tests/daemon/support/network_namespace.h"

namespace messenger::daemon {
namespace {

constexpr std::uint16_t kQueue = 200;
constexpr std::uint16_t kPort = 5060;
constexpr int kWaitMilliseconds = 2000;
constexpr int kSilenceMilliseconds = 150;

void shell(const std::string& command) {
    ASSERT_EQ(std::system((command + " >/dev/null").c_str()), 0) << command;  // NOLINT(concurrency-mt-unsafe)
}

/// Loopback UDP to kPort goes through the queue.
void queue_loopback() {
    shell("iptables -A INPUT -p udp --dport 5060 -j NFQUEUE --queue-num 200 --queue-bypass");
}

[[nodiscard]] sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

class UdpPair {
   public:
    UdpPair() {
        const auto address = loopback(kPort);
        EXPECT_EQ(::bind(receiver_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    }
    void send(const std::string& text) const {
        const auto address = loopback(kPort);
        ASSERT_EQ(::sendto(sender_.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                           sizeof(address)),
                  static_cast<ssize_t>(text.size()));
    }
    /// "(nothing)" if nothing comes.
    [[nodiscard]] std::string receive(int milliseconds = kWaitMilliseconds) const {
        pollfd waiting{receiver_.get(), POLLIN, 0};
        if (::poll(&waiting, 1, milliseconds) != 1) return "(nothing)";
        std::string text(2048, '\0');
        const ssize_t length = ::recv(receiver_.get(), text.data(), text.size(), 0);
        text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
        return text;
    }

   private:
    Fd receiver_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    Fd sender_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

[[nodiscard]] std::span<const QueuedPacket> wait_for_packets(QueueSocket& queue) {
    pollfd waiting{queue.fd(), POLLIN, 0};
    if (::poll(&waiting, 1, kWaitMilliseconds) != 1) return {};
    return queue.receive();
}

[[nodiscard]] QueueOptions usual_options() {
    QueueOptions options;
    options.queues = {kQueue};
    return options;
}

[[nodiscard]] std::string_view udp_text(const QueuedPacket& packet) {
    constexpr std::size_t kHeaders = 20 + 8;
    if (packet.payload.size() < kHeaders) return {};
    return {reinterpret_cast<const char*>(packet.payload.data()) + kHeaders, packet.payload.size() - kHeaders};
}

#define IN_NETWORK_NAMESPACE(...) \
    if (!run_in_network_namespace([&] __VA_ARGS__)) GTEST_SKIP() << "needs root, to make a network namespace"

TEST(QueueSocketRoot, AcceptsABatchOfPackets) {
    IN_NETWORK_NAMESPACE({
        queue_loopback();
        QueueSocket queue(usual_options());
        const UdpPair udp;
        for (int i = 0; i < 10; ++i) udp.send("packet " + std::to_string(i));
        const auto packets = wait_for_packets(queue);
        ASSERT_EQ(packets.size(), 10U);
        for (std::size_t i = 0; i < packets.size(); ++i) {
            EXPECT_EQ(udp_text(packets[i]), "packet " + std::to_string(i));
            EXPECT_EQ(packets[i].queue, kQueue);
            EXPECT_EQ(packets[i].hw_protocol, 0x0800U);
            EXPECT_EQ(packets[i].hook, 1U);  // NF_INET_LOCAL_IN
            EXPECT_EQ(packets[i].indev, 1U);
            EXPECT_FALSE(packets[i].truncated);
            queue.add({packets[i].queue, packets[i].id, Verdict::Action::accept, std::nullopt, {}});
        }
        EXPECT_EQ(udp.receive(kSilenceMilliseconds), "(nothing)");  // until the batch is sent
        queue.flush();
        for (int i = 0; i < 10; ++i) EXPECT_EQ(udp.receive(), "packet " + std::to_string(i));
        EXPECT_TRUE(queue.receive().empty());
        EXPECT_EQ(queue.counters().packets, 10U);
        EXPECT_EQ(queue.counters().batches, 1U);
        EXPECT_EQ(queue.counters().verdicts, 10U);
        EXPECT_EQ(queue.counters().verdict_errors, 0U);
    });
}

TEST(QueueSocketRoot, ReadsMoreThanOneBatchInOrder) {
    IN_NETWORK_NAMESPACE({
        queue_loopback();
        QueueSocket queue(usual_options());
        const UdpPair udp;
        constexpr std::size_t kPackets = 2 * QueueSocket::kBatch + 3;
        for (std::size_t i = 0; i < kPackets; ++i) udp.send(std::to_string(i));
        std::size_t next = 0;
        while (next < kPackets) {
            const auto packets = wait_for_packets(queue);
            ASSERT_FALSE(packets.empty());
            ASSERT_LE(packets.size(), QueueSocket::kBatch);
            for (const QueuedPacket& packet : packets) {
                EXPECT_EQ(udp_text(packet), std::to_string(next++));
                PendingVerdict(queue, packet.queue, packet.id, Verdict::Action::drop).accept();
            }
            queue.flush();
        }
        for (std::size_t i = 0; i < kPackets; ++i) EXPECT_EQ(udp.receive(), std::to_string(i));
        EXPECT_EQ(queue.counters().batches, 3U);
    });
}

TEST(QueueSocketRoot, DropsAndFallsBack) {
    IN_NETWORK_NAMESPACE({
        queue_loopback();
        QueueSocket queue(usual_options());
        const UdpPair udp;
        for (const auto* text : {"dropped", "left to drop", "left to accept"}) udp.send(text);
        const auto packets = wait_for_packets(queue);
        ASSERT_EQ(packets.size(), 3U);
        PendingVerdict(queue, kQueue, packets[0].id, Verdict::Action::accept).drop();
        { const PendingVerdict left(queue, kQueue, packets[1].id, Verdict::Action::drop); }
        { const PendingVerdict left(queue, kQueue, packets[2].id, Verdict::Action::accept); }
        queue.flush();
        EXPECT_EQ(udp.receive(), "left to accept");
        EXPECT_EQ(udp.receive(kSilenceMilliseconds), "(nothing)");
    });
}

TEST(QueueSocketRoot, ReplacesAPacketByALongerOne) {
    IN_NETWORK_NAMESPACE({
        queue_loopback();
        QueueSocket queue(usual_options());
        const UdpPair udp;
        udp.send("short");
        const auto packets = wait_for_packets(queue);
        ASSERT_EQ(packets.size(), 1U);
        std::vector<std::byte> longer(packets[0].payload.begin(), packets[0].payload.end());
        const std::string_view more = "er and longer";
        for (const char c : more) longer.push_back(static_cast<std::byte>(c));
        const auto set16 = [&](std::size_t at, std::size_t value) {
            longer[at] = static_cast<std::byte>(value >> 8U);
            longer[at + 1] = static_cast<std::byte>(value & 0xffU);
        };
        set16(2, longer.size());        // IP length
        set16(24, longer.size() - 20);  // UDP length
        set16(26, 0);                   // UDP without checksum
        set16(10, 0);
        std::uint32_t sum = 0;
        for (std::size_t i = 0; i < 20; i += 2) {
            sum += std::to_integer<std::uint32_t>(longer[i]) << 8U | std::to_integer<std::uint32_t>(longer[i + 1]);
        }
        sum = (sum & 0xffffU) + (sum >> 16U);
        set16(10, ~sum & 0xffffU);
        PendingVerdict(queue, kQueue, packets[0].id, Verdict::Action::drop).accept(std::nullopt, longer);
        queue.flush();
        EXPECT_EQ(udp.receive(), "shorter and longer");
    });
}

TEST(QueueSocketRoot, SetsTheMarkThatLaterRulesSee) {
    IN_NETWORK_NAMESPACE({
        shell("iptables -t mangle -A INPUT -p udp --dport 5060 -j NFQUEUE --queue-num 200 --queue-bypass");
        shell("iptables -A INPUT -p udp --dport 5060 -m mark ! --mark 0x20/0x20 -j DROP");
        QueueSocket queue(usual_options());
        const UdpPair udp;
        udp.send("without");
        udp.send("with");
        const auto packets = wait_for_packets(queue);
        ASSERT_EQ(packets.size(), 2U);
        PendingVerdict(queue, kQueue, packets[0].id, Verdict::Action::drop).accept();
        PendingVerdict(queue, kQueue, packets[1].id, Verdict::Action::drop).accept(0x21);
        queue.flush();
        EXPECT_EQ(udp.receive(), "with");
        EXPECT_EQ(udp.receive(kSilenceMilliseconds), "(nothing)");
    });
}

TEST(QueueSocketRoot, CountsARefusedVerdictAndGoesOn) {
    IN_NETWORK_NAMESPACE({
        queue_loopback();
        QueueSocket queue(usual_options());
        const UdpPair udp;
        udp.send("hello");
        const auto packets = wait_for_packets(queue);
        ASSERT_EQ(packets.size(), 1U);
        queue.add({kQueue, packets[0].id + 1000, Verdict::Action::accept, std::nullopt, {}});
        queue.add({kQueue, packets[0].id, Verdict::Action::accept, std::nullopt, {}});
        queue.flush();
        EXPECT_EQ(udp.receive(), "hello");
        EXPECT_TRUE(wait_for_packets(queue).empty());
        EXPECT_EQ(queue.counters().verdict_errors, 1U);
    });
}

TEST(QueueSocketRoot, ReadsSeveralQueuesThroughOneSocket) {
    IN_NETWORK_NAMESPACE({
        queue_loopback();
        shell("iptables -A INPUT -p udp --dport 5061 -j NFQUEUE --queue-num 201 --queue-bypass");
        QueueOptions options;
        options.queues = {kQueue, 201};
        QueueSocket queue(options);
        const UdpPair udp;
        udp.send("hello");
        const Fd sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const auto address = loopback(5061);
        ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 1);
        const auto packets = wait_for_packets(queue);
        ASSERT_EQ(packets.size(), 2U);
        EXPECT_EQ(packets[0].queue, kQueue);
        EXPECT_EQ(packets[1].queue, 201U);
        for (const QueuedPacket& packet : packets)
            queue.add({packet.queue, packet.id, Verdict::Action::accept, {}, {}});
        queue.flush();
        EXPECT_EQ(udp.receive(), "hello");
        EXPECT_TRUE(queue.receive().empty());
        EXPECT_EQ(queue.counters().verdict_errors, 0U);
    });
}

TEST(QueueSocketRoot, SaysWhichQueueIsTaken) {
    IN_NETWORK_NAMESPACE({
        const QueueSocket first(usual_options());
        try {
            const QueueSocket second(usual_options());
            FAIL() << "two sockets on one queue";
        } catch (const std::system_error& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr("NFQUEUE 200"));
            EXPECT_EQ(error.code().value(), EPERM);
        }
    });
}

[[nodiscard]] std::vector<KeptDescriptor> kept_alone(KeptDescriptor kept) {
    std::vector<KeptDescriptor> all;
    all.push_back(std::move(kept));
    return all;
}

TEST(QueueSocketRoot, HandsOverThePacketsThatComeBetweenTwoOwners) {
    IN_NETWORK_NAMESPACE({
        queue_loopback();
        QueueSocket first(usual_options());
        const UdpPair udp;
        udp.send("before");
        const auto early = wait_for_packets(first);
        ASSERT_EQ(early.size(), 1U);
        PendingVerdict(first, kQueue, early[0].id, Verdict::Action::drop).accept();
        const QueueFeatures granted = first.features();
        auto kept = kept_alone(first.hand_over());
        EXPECT_EQ(udp.receive(), "before");  // verdicts go out first
        udp.send("between");
        EXPECT_EQ(udp.receive(kSilenceMilliseconds), "(nothing)");
        QueueSocket second(usual_options(), std::move(kept));
        EXPECT_FALSE(first.is_adopted());
        EXPECT_TRUE(second.is_adopted());
        EXPECT_EQ(second.features().fail_open, granted.fail_open);
        EXPECT_EQ(second.features().conntrack, granted.conntrack);
        const auto packets = wait_for_packets(second);
        ASSERT_EQ(packets.size(), 1U);
        EXPECT_EQ(udp_text(packets[0]), "between");
        PendingVerdict(second, kQueue, packets[0].id, Verdict::Action::drop).accept();
        second.flush();
        EXPECT_EQ(udp.receive(), "between");
        EXPECT_EQ(second.counters().verdict_errors, 0U);
    });
}

// The kernel drops every queued packet of the network namespace when a hook goes, whoever it belonged to.
TEST(QueueSocketRoot, KeepsItsPacketsWhileTheKernelIsProbed) {
    IN_NETWORK_NAMESPACE({
        queue_loopback();
        // Connection tracking has hooks as well, as long as a rule of somebody's needs it; on a gateway one always
        // does.
        shell("iptables -A INPUT -m conntrack --ctstate INVALID -j DROP");
        QueueSocket queue(usual_options());
        const UdpPair udp;
        udp.send("waiting");
        const auto packets = wait_for_packets(queue);
        ASSERT_EQ(packets.size(), 1U);
        const auto features = nft::probe_features();
        ASSERT_TRUE(features) << features.error().message();
        PendingVerdict(queue, kQueue, packets[0].id, Verdict::Action::drop).accept();
        queue.flush();
        EXPECT_EQ(udp.receive(), "waiting");
    });
}

TEST(QueueSocketRoot, LeavesAKeptSocketThatWasMadeWithOtherOptions) {
    IN_NETWORK_NAMESPACE({
        queue_loopback();
        QueueSocket first(usual_options());
        auto kept = kept_alone(first.hand_over());
        QueueOptions options = usual_options();
        options.length = 17;
        // The queue is free again, for the kept socket is closed.
        QueueSocket second(options, std::move(kept));
        EXPECT_FALSE(second.is_adopted());
        const UdpPair udp;
        udp.send("hello");
        EXPECT_EQ(wait_for_packets(second).size(), 1U);
    });
}

TEST(QueueSocketRoot, KnowsWhatItLostAndWhatWaitsWithoutTheKernelsFile) {
    IN_NETWORK_NAMESPACE({
        queue_loopback();
        QueueOptions options = usual_options();
        options.receive_buffer = 8192;
        QueueSocket queue(options);
        EXPECT_EQ(queue.unread_bytes(), 0U);
        const UdpPair udp;
        for (int i = 0; i < 100; ++i) udp.send(std::string(1000, 'x'));
        EXPECT_GT(queue.unread_bytes(), 1000U);
        for (auto packets = queue.receive(); !packets.empty(); packets = queue.receive()) {
            for (const QueuedPacket& packet : packets) {
                queue.add({packet.queue, packet.id, Verdict::Action::accept, std::nullopt, {}});
            }
        }
        // What was lost shows with the next packet, which stays undecided.
        udp.send("last");
        ASSERT_EQ(wait_for_packets(queue).size(), 1U);
        const auto ours = queue.statistics();
        ASSERT_EQ(ours.size(), 1U);
        EXPECT_GT(ours[0].user_dropped, 10U);
        EXPECT_EQ(ours[0].waiting, 1U);
        EXPECT_EQ(ours[0].queue, kQueue);
        EXPECT_FALSE(ours[0].queue_dropped);
    });
}

TEST(QueueSocketRoot, PassesPacketsWhenTheQueueIsFullAndFailOpenIsSet) {
    for (const bool fail_open : {true, false}) {
        IN_NETWORK_NAMESPACE({
            queue_loopback();
            QueueOptions options = usual_options();
            options.length = 2;
            options.fail_open = fail_open;
            QueueSocket queue(options);
            EXPECT_EQ(queue.features().fail_open, fail_open);
            const UdpPair udp;
            for (const auto* text : {"held", "held", "third"}) udp.send(text);
            EXPECT_EQ(udp.receive(kSilenceMilliseconds), fail_open ? "third" : "(nothing)");
        });
    }
}

}  // namespace
}  // namespace messenger::daemon
