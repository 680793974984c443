// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/nft/kernel/lab.h"

#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include <unistd.h>

namespace messenger::nft::testing {

void KernelTest::SetUp() {
    if (geteuid() != 0) {
        const char* no_root = std::getenv("MESSENGER_NO_ROOT");  // NOLINT(concurrency-mt-unsafe)
        if (no_root != nullptr && std::string_view(no_root) == "1") {
            GTEST_SKIP() << "MESSENGER_NO_ROOT=1: not tried against the kernel";
        }
        FAIL() << "needs root; set MESSENGER_NO_ROOT=1 to go without";
    }
    before_ = NetNamespace::current();
    here_.emplace();
    here_->enter();
    run_command("ip link set lo up");
}

void KernelTest::TearDown() {
    if (before_) before_->enter();
}

NetlinkSocket KernelTest::open_socket() {
    auto socket = NetlinkSocket::open();
    if (!socket) throw std::runtime_error(socket.error().message());
    return *std::move(socket);
}

SchemaOptions KernelTest::options() {
    auto features = probe_features();
    if (!features) throw std::runtime_error(features.error().message());
    SchemaOptions options;
    options.queue_kind = features->queue_kind().value();
    return options;
}

void KernelTest::install(const SchemaOptions& options, const Transaction& elements) {
    schema_.emplace(open_socket(), options);
    ruleset_.emplace(open_socket());
    ASSERT_TRUE(ok(schema_->install(elements)));
}

void KernelTest::commit(const Transaction& transaction) {
    ASSERT_TRUE(ok(ruleset().commit(transaction)));
}

void LabTest::SetUp() {
    KernelTest::SetUp();
    if (HasFatalFailure() || IsSkipped()) return;
    inside_.emplace();
    outside_.emplace();
    run_command("set -e\nip link add lan type veth peer name eth0 netns " + inside_->path() +
                "\nip link add wan type veth peer name eth0 netns " + outside_->path() +
                R"(
ip address add 10.1.2.1/24 dev lan
ip address add fd01::1/64 dev lan nodad
ip address add 203.0.113.1/24 dev wan
ip address add 2001:db8::1/64 dev wan nodad
ip link set lan up
ip link set wan up
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
)");
    const auto host = [](const char* v4, const char* gateway4, const char* v6, const char* gateway6) {
        return std::string("set -e\nip link set lo up\nip address add ") + v4 + "/24 dev eth0\nip address add " + v6 +
               "/64 dev eth0 nodad\nip link set eth0 up\nip route add default via " + gateway4 +
               "\nip -6 route add default via " + gateway6 + "\n";
    };
    inside_->run([&] { run_command(host("10.1.2.3", "10.1.2.1", "fd01::3", "fd01::1")); });
    outside_->run([&] { run_command(host("203.0.113.30", "203.0.113.1", "2001:db8::30", "2001:db8::1")); });
    for (const char* address : {"10.1.2.3", "fd01::3"}) await(*inside_, address);
    for (const char* address : {"203.0.113.30", "2001:db8::30"}) await(*outside_, address);
}

// A veth carries packets some time after it is up, and neighbours are not asked for before that.
void LabTest::await(const NetNamespace& host, const char* address) {
    constexpr std::uint16_t kDiscard = 9;
    UdpSocket there = host.run([&] { return UdpSocket(at(address, kDiscard)); });
    UdpSocket here(at(std::string_view(address).find(':') == std::string_view::npos ? "0.0.0.0" : "::", 0));
    for (int i = 0; i < 500; ++i) {
        here.send(at(address, kDiscard), "are you there");
        if (there.receive(std::chrono::milliseconds{10})) return;
    }
    throw std::runtime_error(std::string("no way to ") + address);
}

void LabTest::install_firewall() {
    run_nft(R"(
table inet operator {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "lan" accept
    }
})");
}

void LabTest::install_masquerading_firewall() {
    install_firewall();
    run_nft(R"(
table inet operator {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan" masquerade
    }
})");
}

UdpSocket LabTest::udp_inside(const Endpoint& local) {
    return inside_->run([&] { return UdpSocket(local); });
}

UdpSocket LabTest::udp_outside(const Endpoint& local) {
    return outside_->run([&] { return UdpSocket(local); });
}

}  // namespace messenger::nft::testing
