// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/plan_check.h"

#include <algorithm>
#include <cstdint>

#include "alg/net/t120_port.h"

namespace messenger::daemon {

namespace {

constexpr std::uint16_t kFirstPort = 1024;
constexpr alg::PortRange kFilePorts{6891, 6901};

[[nodiscard]] bool is_host_of_ours(const alg::IpAddress& host, const alg::Policy& policy) {
    const auto& own = policy.protected_addresses;
    return policy.inside.contains(host) && std::find(own.begin(), own.end(), host) == own.end() &&
           !host.is_unspecified() && !host.is_multicast() && !host.is_broadcast();
}

[[nodiscard]] bool is_protected(std::uint16_t port, const alg::Policy& policy) {
    return port < kFirstPort || std::binary_search(policy.protected_ports.begin(), policy.protected_ports.end(), port);
}

[[nodiscard]] bool is_somebody(const alg::IpAddress& remote) {
    return !remote.is_unspecified() && !remote.is_multicast() && !remote.is_broadcast();
}

}  // namespace

bool may_open(const alg::PinholeChange& change, const alg::Policy& policy) {
    const alg::PinholeKey& key = change.key;
    const std::uint16_t port = key.inside.port;
    if (!is_host_of_ours(key.inside.address, policy) || is_protected(port, policy)) return false;
    if (!key.any_remote && !is_somebody(key.remote)) return false;
    const bool tls = !policy.tls.servers.empty();
    if (key.transport == alg::Transport::udp) {
        return policy.media_ports.contains(port) || (tls && policy.tls.media.contains(port));
    }
    if (policy.fixed_ranges == alg::FixedRanges::off && !tls) return false;
    switch (change.purpose.role) {
        case alg::PortRole::t120: return port == alg::kT120Port;
        case alg::PortRole::file: return kFilePorts.contains(port);
        default: return false;
    }
}

bool may_call_back(const alg::CallbackChange& change, const alg::Policy& policy) {
    constexpr std::uint16_t kSip = 5060;
    constexpr std::uint16_t kSipTls = 5061;
    const std::uint16_t port = change.inside.port;
    const auto& sip = policy.sip_ports;
    // What is protected from media may be where SIP listens.
    const bool listens = port == kSip || port == kSipTls || std::find(sip.begin(), sip.end(), port) != sip.end();
    return is_host_of_ours(change.inside.address, policy) && (listens || !is_protected(port, policy)) &&
           is_somebody(change.remote);
}

}  // namespace messenger::daemon
