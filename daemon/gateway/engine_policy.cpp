// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/engine_policy.h"

#include <algorithm>

namespace messenger::daemon {

namespace {

constexpr std::uint16_t kSipPort = 5060;
constexpr std::uint16_t kSipTlsPort = 5061;

}  // namespace

alg::Policy make_policy(const Config& config, std::span<const InterfaceAddress> addresses) {
    alg::Policy policy;
    for (const alg::Prefix& prefix : config.network.inside) policy.inside.add(prefix);
    for (const alg::Prefix& prefix : find_networks(addresses, config.network.inside_interfaces).networks) {
        policy.inside.add(prefix);
    }
    policy.relays = config.network.relays.to_set();
    policy.sip_ports = config.sip.ports;
    policy.media_ports = {config.network.media_ports.first, config.network.media_ports.last};
    policy.dynamic_sip_ports = {config.sip.dynamic_ports.first, config.sip.dynamic_ports.last};
    policy.protected_ports = config.network.protected_ports;
    // Signalling is no media, whatever an SDP says.
    policy.protected_ports.insert(policy.protected_ports.end(), {kSipPort, kSipTlsPort});
    policy.protected_ports.insert(policy.protected_ports.end(), config.sip.ports.begin(), config.sip.ports.end());
    std::sort(policy.protected_ports.begin(), policy.protected_ports.end());
    for (const InterfaceAddress& own : addresses) policy.protected_addresses.push_back(own.address);
    policy.early_media =
        config.sip.early_media == EarlyMedia::offer ? alg::EarlyMedia::after_offer : alg::EarlyMedia::after_answer;
    policy.fixed_ranges = config.policy.fixed_ranges;
    policy.compression = config.policy.compression;
    if (config.tls.media == TlsMedia::static_range) {
        for (const alg::Prefix& prefix : config.tls.servers) policy.tls.servers.add(prefix);
    }
    policy.tls.port = config.tls.port;
    policy.tls.media = {config.tls.media_ports.first, config.tls.media_ports.last};
    policy.tls.silence = config.tls.silence;
    policy.nat_ports = {config.nat.media_ports.first, config.nat.media_ports.last};
    policy.keep_numbers = config.nat.keep_numbers;
    policy.reserved_ports = config.nat.reserved_ports.to_ports();
    for (const alg::Prefix& prefix : config.nat.no_rewrite) policy.no_rewrite.add(prefix);
    policy.drop_malformed = config.policy.malformed == Malformed::drop;
    return policy;
}

}  // namespace messenger::daemon
