// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/doctor/trial_wishes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "daemon/gateway/engine_policy.h"

namespace messenger::daemon {

namespace {

constexpr unsigned kBits4 = 32;
constexpr unsigned kBits6 = 128;
constexpr unsigned kByteBits = 8;

/// The last address of an IPv4 network.
[[nodiscard]] alg::IpAddress broadcast_of(const alg::Prefix& network) {
    std::uint32_t value = 0;
    const alg::IpAddress first = network.address();
    for (const std::byte byte : first.bytes()) value = value << kByteBits | std::to_integer<std::uint32_t>(byte);
    return alg::IpAddress::v4(network.length() == 0 ? UINT32_MAX : value | (UINT32_MAX >> network.length()));
}

/// Whether an address of this network is no host's: the first one, and of IPv4 the last. Absent if it may be one's.
[[nodiscard]] std::optional<std::string> no_host_of(const alg::Prefix& network, const alg::IpAddress& address) {
    if (!network.contains(address)) return std::nullopt;
    const bool v4 = address.is_v4();
    // Networks of two addresses have two hosts (RFC 3021, RFC 6164).
    if (network.length() + 1 >= (v4 ? kBits4 : kBits6)) return std::nullopt;
    if (address == network.address()) return fmt::format("is the address of the network {}", network.to_string());
    if (v4 && address == broadcast_of(network)) {
        return fmt::format("is the broadcast address of {}", network.to_string());
    }
    return std::nullopt;
}

/// Why no host in a trial can have this address.
[[nodiscard]] std::optional<std::string> no_host(const LiveHost& host, const alg::IpAddress& address) {
    if (address.is_multicast()) return "is a multicast address, which no host has";
    if (address.is_unspecified() || address.is_broadcast()) return "is the address of no host";
    if (address.is_loopback()) return "is a loopback address, which is reached from no other host";
    if (alg::Prefix(*alg::IpAddress::parse("fe80::"), 10).contains(address)) {
        return "is a link-local address, which no router forwards";
    }
    for (const InterfaceAddress& own : host.addresses()) {
        if (own.address == address) {
            return fmt::format("is this gateway's own address, of {}; name a host that it forwards for", own.interface);
        }
        if (auto why = no_host_of(own.network, address)) return why;
    }
    return std::nullopt;
}

[[nodiscard]] std::optional<std::string> no_inside_host(const Config& config, const alg::Policy& policy,
                                                        const alg::IpAddress& address) {
    if (!policy.inside.contains(address)) {
        return "is in no network of network.inside or network.inside_interfaces, and nothing is opened for hosts that "
               "are not inside";
    }
    for (const alg::Prefix& network : config.network.inside) {
        if (auto why = no_host_of(network, address)) return why;
    }
    return std::nullopt;
}

[[nodiscard]] std::optional<std::string> no_interface(const LiveHost& host, const std::string& name) {
    if (host.find_link(name) == nullptr) return "this host has no such interface; ip -br link lists those that it has";
    if (name == "lo") return "it leads to no other host";
    return std::nullopt;
}

}  // namespace

std::vector<std::string> check_wishes(const LiveHost& host, const Config& config, const TrialWishes& wishes) {
    std::vector<std::string> wrong;
    for (const auto& [option, name] : {std::pair{"--inside-interface", wishes.inside_interface},
                                       std::pair{"--outside-interface", wishes.outside_interface}}) {
        if (name.empty()) continue;
        if (const auto why = no_interface(host, name)) wrong.push_back(fmt::format("{} {}: {}", option, name, *why));
    }
    if (!wishes.inside_interface.empty() && wishes.inside_interface == wishes.outside_interface) {
        wrong.push_back(
            fmt::format("--inside-interface and --outside-interface are both {}; a trial goes from one to "
                        "another",
                        wishes.inside_interface));
    }
    const alg::Policy policy = make_policy(config, host.addresses());
    const std::array hosts{std::pair{"--inside", wishes.inside}, std::pair{"--server", wishes.server},
                           std::pair{"--peer", wishes.peer}};
    const std::pair<const char*, std::optional<alg::IpAddress>>* first = nullptr;
    for (const auto& one : hosts) {
        const auto& [option, address] = one;
        if (!address) continue;
        auto why = no_host(host, *address);
        const bool inside = &one == hosts.data();
        if (!why && inside) why = no_inside_host(config, policy, *address);
        if (!why && !inside && policy.inside.contains(*address)) {
            why = "is an inside host by network.inside or network.inside_interfaces; server and peer are outside";
        }
        if (why) wrong.push_back(fmt::format("{} {} {}", option, address->to_string(), *why));
        if (first == nullptr) first = &one;
        if (first->second->is_v4() == address->is_v4()) continue;
        wrong.push_back(fmt::format("{} {} and {} {} are not of one address family", first->first,
                                    first->second->to_string(), option, address->to_string()));
    }
    return wrong;
}

}  // namespace messenger::daemon
