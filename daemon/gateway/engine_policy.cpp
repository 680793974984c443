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
    policy.protected_ports = config.network.protected_ports;
    // Signalling is no media, whatever an SDP says.
    policy.protected_ports.insert(policy.protected_ports.end(), {kSipPort, kSipTlsPort});
    policy.protected_ports.insert(policy.protected_ports.end(), config.sip.ports.begin(), config.sip.ports.end());
    std::sort(policy.protected_ports.begin(), policy.protected_ports.end());
    for (const InterfaceAddress& own : addresses) policy.protected_addresses.push_back(own.address);
    policy.early_media =
        config.sip.early_media == EarlyMedia::offer ? alg::EarlyMedia::after_offer : alg::EarlyMedia::after_answer;
    policy.drop_malformed = config.policy.malformed == Malformed::drop;
    return policy;
}

}  // namespace messenger::daemon
