// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/interfaces.h"
#include "daemon/process/throw_errno.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <system_error>

namespace messenger::daemon {

namespace {

struct FreeInterfaces {
    void operator()(ifaddrs* list) const { freeifaddrs(list); }
};

/// Absent for what is neither IPv4 nor IPv6. The bytes are copied: a sockaddr is a family that may be any of several
/// types.
[[nodiscard]] std::optional<alg::IpAddress> address_of(const sockaddr* address) {
    if (address == nullptr) return std::nullopt;
    if (address->sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, address, sizeof(v4));
        return alg::IpAddress::v4(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, address, sizeof(v6));
        std::array<std::byte, 16> bytes{};
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        return alg::IpAddress::v6(bytes);
    }
    return std::nullopt;
}

[[nodiscard]] unsigned prefix_length(const sockaddr* mask, const alg::IpAddress& address) {
    const auto bits = address_of(mask);
    // A mask of IPv6 with 96 leading zeros would be read as IPv4; there is none on an interface.
    if (!bits || bits->family() != address.family()) return address.is_v4() ? 32 : 128;
    unsigned length = 0;
    for (const std::byte byte : bits->bytes())
        length += static_cast<unsigned>(std::popcount(std::to_integer<unsigned>(byte)));
    return length;
}

[[nodiscard]] bool is_v6_link_local(const alg::IpAddress& address) {
    static const alg::Prefix link_local = *alg::Prefix::parse("fe80::/10");
    return link_local.contains(address);
}

/// A router that speaks BGP changes routes all the time; only default ones have a say in which address of an interface
/// others see.
void pass_default_routes_only(int socket) {
    constexpr std::uint32_t kType = offsetof(nlmsghdr, nlmsg_type);
    constexpr std::uint32_t kLength = NLMSG_HDRLEN + offsetof(rtmsg, rtm_dst_len);
    // The numbers in front of the operand: how many lines a jump skips if it is equal, and if not.
    std::array<sock_filter, 7> program{{
        {BPF_LD | BPF_H | BPF_ABS, 0, 0, kType},  // turns the bytes round, so the types below are turned, too
        {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, htons(RTM_NEWROUTE)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 2, htons(RTM_DELROUTE)},
        {BPF_LD | BPF_B | BPF_ABS, 0, 0, kLength},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0},
        {BPF_RET | BPF_K, 0, 0, UINT32_MAX},  // pass
        {BPF_RET | BPF_K, 0, 0, 0},
    }};
    const sock_fprog filter{program.size(), program.data()};
    if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) != 0) {
        throw_errno("choosing which changes of routes to listen for");
    }
}

}  // namespace

std::vector<InterfaceAddress> list_interface_addresses() {
    ifaddrs* raw = nullptr;
    if (getifaddrs(&raw) != 0) throw_errno("listing the addresses of this host");
    const std::unique_ptr<ifaddrs, FreeInterfaces> list(raw);
    std::vector<InterfaceAddress> addresses;
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        const auto address = address_of(entry->ifa_addr);
        if (!address) continue;
        addresses.push_back(
            {entry->ifa_name, *address, alg::Prefix(*address, prefix_length(entry->ifa_netmask, *address))});
    }
    return addresses;
}

InterfaceNetworks find_networks(std::span<const InterfaceAddress> addresses, std::span<const std::string> interfaces) {
    InterfaceNetworks found;
    for (const std::string& interface : interfaces) {
        bool any = false;
        for (const InterfaceAddress& entry : addresses) {
            if (entry.interface != interface || is_v6_link_local(entry.address)) continue;
            any = true;
            if (std::find(found.networks.begin(), found.networks.end(), entry.network) == found.networks.end()) {
                found.networks.push_back(entry.network);
            }
        }
        if (!any) found.missing.push_back(interface);
    }
    return found;
}

InterfaceMonitor::InterfaceMonitor()
    : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)) {
    if (!socket_) throw_errno("opening a route netlink socket");
    sockaddr_nl self{};
    self.nl_family = AF_NETLINK;
    self.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE;
    pass_default_routes_only(socket_.get());
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&self), sizeof(self)) != 0) {
        throw_errno("listening for changes of addresses");
    }
}

bool InterfaceMonitor::take_changes() {
    // What has changed does not matter, so the reports are cut down to a few bytes on their way in.
    std::array<std::byte, 16> report{};
    bool changed = false;
    while (true) {
        if (::recv(socket_.get(), report.data(), report.size(), MSG_TRUNC) >= 0 || errno == ENOBUFS) {
            changed = true;  // ENOBUFS: some reports were lost
        } else if (errno != EINTR) {
            return changed;
        }
    }
}

}  // namespace messenger::daemon
