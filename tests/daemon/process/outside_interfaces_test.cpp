// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/outside_interfaces.h"

#include <net/if.h>
#include <poll.h>

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "daemon/process/interfaces.h"
#include "tests/daemon/support/network_namespace.h"

namespace messenger::daemon {
namespace {

[[nodiscard]] std::optional<alg::IpAddress> ip(const char* text) {
    return alg::IpAddress::parse(text);
}

/// What the command printed. Throws if it failed.
std::string run(const std::string& command) {
    std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(("exec 2>&1\nset -e\n" + command).c_str(), "re"), pclose);
    if (!pipe) throw std::runtime_error("popen");
    std::string output;
    std::array<char, 4096> part{};
    for (std::size_t size = 0; (size = fread(part.data(), 1, part.size(), pipe.get())) > 0;) {
        output.append(part.data(), size);
    }
    if (pclose(pipe.release()) != 0) throw std::runtime_error(command + ": " + output);
    return output;
}

[[nodiscard]] Config::Nat options(std::vector<std::string> interfaces) {
    Config::Nat nat;
    nat.interfaces = std::move(interfaces);
    return nat;
}

[[nodiscard]] std::vector<OutsideInterfaces::Change> changes_of(OutsideInterfaces& interfaces) {
    static_cast<void>(interfaces.take_changes());
    interfaces.refresh();
    return interfaces.take_changes();
}

/// The address that messages get when they leave by the interface.
[[nodiscard]] std::optional<alg::IpAddress> outside_of(const OutsideInterfaces& interfaces, const char* name) {
    const auto path = interfaces.find_path(0, if_nametoindex(name));
    if (!path) return std::nullopt;
    return path->nat.outside;
}

/// In a network namespace of its own with an interface wan, 203.0.113.7.
class OutsideInterfacesRoot : public testing::Test {
   protected:
    static void in_namespace(const std::function<void()>& body) {
        const bool made = run_in_network_namespace([&] {
            make_wan();
            body();
        });
        if (!made) GTEST_SKIP() << "needs root, to make a network namespace";
    }
    static void make_wan() {
        run("ip link add wan type veth peer name far\nip link set far up\nip link set wan up\n"
            "ip address add 203.0.113.7/24 dev wan");
    }
};

TEST_F(OutsideInterfacesRoot, TellTheWayOutAndTheWayIn) {
    in_namespace([] {
        OutsideInterfaces interfaces(options({"wan"}));
        EXPECT_FALSE(interfaces.find_path(0, if_nametoindex("wan")));
        const auto changes = changes_of(interfaces);
        ASSERT_EQ(changes.size(), 1U);
        EXPECT_EQ(changes[0].interface, "wan");
        EXPECT_EQ(changes[0].before, std::nullopt);
        EXPECT_EQ(changes[0].after, ip("203.0.113.7"));
        EXPECT_TRUE(changes_of(interfaces).empty());

        const std::uint32_t wan = if_nametoindex("wan");
        const std::uint32_t far = if_nametoindex("far");
        const auto out = interfaces.find_path(far, wan);
        ASSERT_TRUE(out);
        EXPECT_TRUE(out->outbound);
        EXPECT_EQ(out->interface, "wan");
        EXPECT_EQ(out->nat, (alg::NatPath{*ip("203.0.113.7"), *ip("203.0.113.7")}));
        std::vector<std::string> names;
        interfaces.each_with(*ip("203.0.113.7"), [&](std::string_view name) { names.emplace_back(name); });
        interfaces.each_with(*ip("203.0.113.8"), [&](std::string_view name) { names.emplace_back(name); });
        EXPECT_EQ(names, std::vector<std::string>{"wan"});
        const auto in = interfaces.find_path(wan, far);
        ASSERT_TRUE(in);
        EXPECT_FALSE(in->outbound);
        EXPECT_FALSE(interfaces.find_path(far, far));
        EXPECT_FALSE(interfaces.find_path(0, 0));
    });
}

TEST_F(OutsideInterfacesRoot, SayWhatTheOperatorGave) {
    in_namespace([] {
        Config::Nat nat = options({"wan"});
        nat.advertised_address.all = ip("198.51.100.9");
        OutsideInterfaces advertised(nat);
        advertised.refresh();
        const std::uint32_t wan = if_nametoindex("wan");
        EXPECT_EQ(advertised.find_path(0, wan)->nat, (alg::NatPath{*ip("203.0.113.7"), *ip("198.51.100.9")}));

        nat.address.named.push_back({"wan", *ip("203.0.113.99")});
        OutsideInterfaces given(nat);
        given.refresh();
        EXPECT_EQ(given.find_path(0, wan)->nat, (alg::NatPath{*ip("203.0.113.99"), *ip("198.51.100.9")}));
    });
}

TEST_F(OutsideInterfacesRoot, AnInterfaceThatDoesNotExistIsToldFromOneWithoutAnAddress) {
    in_namespace([] {
        run("ip address flush dev wan");
        OutsideInterfaces interfaces(options({"wan", "nope"}));
        interfaces.refresh();
        const auto changes = interfaces.take_changes();
        ASSERT_EQ(changes.size(), 2U);
        EXPECT_TRUE(changes[0].exists);
        EXPECT_FALSE(changes[0].after);
        EXPECT_FALSE(changes[1].exists);
    });
}

TEST_F(OutsideInterfacesRoot, FollowAnAddressThatChanges) {
    in_namespace([] {
        InterfaceMonitor monitor;
        OutsideInterfaces interfaces(options({"wan"}));
        interfaces.refresh();
        run("ip address del 203.0.113.7/24 dev wan\nip address add 203.0.113.8/24 dev wan");
        EXPECT_TRUE(monitor.take_changes());
        const auto changes = changes_of(interfaces);
        ASSERT_EQ(changes.size(), 1U);
        EXPECT_EQ(changes[0].before, ip("203.0.113.7"));
        EXPECT_EQ(changes[0].after, ip("203.0.113.8"));
        EXPECT_EQ(outside_of(interfaces, "wan"), ip("203.0.113.8"));
        EXPECT_TRUE(interfaces.is_gone(*ip("203.0.113.7")));
        EXPECT_FALSE(interfaces.is_gone(*ip("203.0.113.8")));
        EXPECT_FALSE(interfaces.is_gone(*ip("203.0.113.9"))) << "was never there";
    });
}

// As a link does that fails and comes back.
TEST_F(OutsideInterfacesRoot, RememberTheAddressBeforeAGap) {
    in_namespace([] {
        OutsideInterfaces interfaces(options({"wan"}));
        interfaces.refresh();
        run("ip address del 203.0.113.7/24 dev wan");
        const auto gone = changes_of(interfaces);
        ASSERT_EQ(gone.size(), 1U);
        EXPECT_EQ(gone[0].before, ip("203.0.113.7"));
        EXPECT_EQ(gone[0].after, std::nullopt);
        EXPECT_TRUE(interfaces.is_gone(*ip("203.0.113.7")));
        run("ip address add 203.0.113.8/24 dev wan");
        const auto other = changes_of(interfaces);
        ASSERT_EQ(other.size(), 1U);
        EXPECT_EQ(other[0].before, ip("203.0.113.7"));
        EXPECT_EQ(other[0].after, ip("203.0.113.8"));
        run("ip address del 203.0.113.8/24 dev wan\nip address add 203.0.113.7/24 dev wan");
        interfaces.refresh();
        EXPECT_FALSE(interfaces.is_gone(*ip("203.0.113.7")));
        EXPECT_TRUE(interfaces.is_gone(*ip("203.0.113.8")));
    });
}

TEST_F(OutsideInterfacesRoot, FollowAnInterfaceThatIsMadeAnew) {
    in_namespace([] {
        InterfaceMonitor monitor;
        OutsideInterfaces interfaces(options({"wan", "ppp7"}));
        const auto first = changes_of(interfaces);
        ASSERT_EQ(first.size(), 2U);
        EXPECT_EQ(first[1].interface, "ppp7");
        EXPECT_EQ(first[1].after, std::nullopt);
        const std::uint32_t before = if_nametoindex("wan");
        run("ip link del wan");
        EXPECT_TRUE(monitor.take_changes());
        const auto gone = changes_of(interfaces);
        ASSERT_EQ(gone.size(), 1U);
        EXPECT_EQ(gone[0].after, std::nullopt);
        EXPECT_FALSE(interfaces.find_path(0, before));

        make_wan();
        const std::uint32_t after = if_nametoindex("wan");
        ASSERT_NE(after, before);
        EXPECT_TRUE(interfaces.is_unknown(after));
        EXPECT_FALSE(interfaces.is_unknown(0));
        EXPECT_EQ(changes_of(interfaces).size(), 1U);
        EXPECT_FALSE(interfaces.is_unknown(after));
        EXPECT_EQ(outside_of(interfaces, "wan"), ip("203.0.113.7"));
    });
}

// The default route comes after the address, as with DHCP.
TEST_F(OutsideInterfacesRoot, TheDefaultRouteDecidesBetweenSeveralAddresses) {
    in_namespace([] {
        run("ip address flush dev wan\nip address add 192.168.100.2/24 dev wan\nip address add 203.0.113.7/24 dev wan");
        InterfaceMonitor monitor;
        OutsideInterfaces interfaces(options({"wan"}));
        interfaces.refresh();
        EXPECT_EQ(outside_of(interfaces, "wan"), ip("192.168.100.2"));
        run("ip route add 10.0.0.0/8 via 192.168.100.1");
        EXPECT_FALSE(monitor.take_changes());
        run("ip route add default via 203.0.113.1");
        EXPECT_TRUE(monitor.take_changes());
        EXPECT_EQ(changes_of(interfaces).size(), 1U);
        EXPECT_EQ(outside_of(interfaces, "wan"), ip("203.0.113.7"));
        run("ip route del default");
        EXPECT_TRUE(monitor.take_changes());
    });
}

TEST_F(OutsideInterfacesRoot, AgreeWithTheKernelsMasquerading) {
    in_namespace([] {
        run("ip link set lo up\nip address add 10.1.2.3/32 dev lo\n"
            "nft 'table ip t { chain c { type nat hook postrouting priority srcnat; oifname \"wan\" masquerade; }; }'");
        OutsideInterfaces interfaces(options({"wan"}));
        for (const char* setup :
             {"ip route add default via 203.0.113.1", "ip route replace default dev wan",
              "ip address flush dev wan\nip address add 192.168.100.2/24 dev wan\n"
              "ip address add 203.0.113.8/24 dev wan\nip address add 203.0.113.9/24 dev wan\n"
              "ip route add default via 203.0.113.1",
              "ip route replace default via 203.0.113.1 src 192.168.100.2", "ip route replace default dev wan",
              "ip address flush dev wan\nip address add 169.254.3.3/16 dev wan scope link\n"
              "ip address add 10.64.64.1 peer 10.64.64.2/32 dev wan\nip address add 203.0.113.5/24 dev wan\n"
              "ip route replace default via 10.64.64.2 dev wan"}) {
            run(setup);
            interfaces.refresh();
            run("conntrack -F\npython3 -c 'import socket\n"
                "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind((\"10.1.2.3\", 5060))\n"
                "s.sendto(b\"x\", (\"198.51.100.77\", 5060))'");
            const auto chosen = outside_of(interfaces, "wan");
            ASSERT_TRUE(chosen) << setup;
            const std::string flows = run("conntrack -L 2>/dev/null");
            EXPECT_NE(flows.find("src=198.51.100.77 dst=" + chosen->to_string() + " "), std::string::npos)
                << setup << '\n'
                << chosen->to_string() << '\n'
                << flows;
        }
    });
}

}  // namespace
}  // namespace messenger::daemon
