// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/opening_rules.h"

#include <algorithm>
#include <chrono>

#include "daemon/gateway/engine_policy.h"
#include "daemon/gateway/schema_options.h"
#include "daemon/translate.h"
#include "daemon/warden/plan_check.h"

namespace messenger::daemon {

namespace {

using nft::SetId;

constexpr alg::Duration kLongestRegistration = std::chrono::hours(25);

}  // namespace

OpeningRules::OpeningRules(const Config& config, std::span<const InterfaceAddress> addresses, const HeardHosts* heard)
    : policy_(make_policy(config, addresses)),
      outside_(policy_.protected_addresses),
      marks_(marks_of(config)),
      longest_(
          std::max({kLongestRegistration, config.limits.call, config.limits.media_silence, config.limits.stream_silence,
                    config.limits.hold, config.limits.first_packet, config.limits.transfer, config.tls.silence})),
      heard_(heard) {
    if (config.nat.address.all) outside_.push_back(*config.nat.address.all);
    for (const auto& named : config.nat.address.named) outside_.push_back(named.address);
}

bool OpeningRules::may_add(SetId set, const nft::Element& element) const {
    if (set == SetId::sip_ports) {
        const auto& ports = policy_.sip_ports;
        return std::any_of(ports.begin(), ports.end(), [&](std::uint16_t port) {
            return element.key == nft::Key::port(nft::Protocol::udp, port) ||
                   element.key == nft::Key::port(nft::Protocol::tcp, port);
        });
    }
    if (element.timeout.count() <= 0 || element.timeout > longest_) return false;
    switch (set) {
        case SetId::pinholes4:
        case SetId::pinholes6:
        case SetId::open4:
        case SetId::open6: return may_be_pinhole(set, element);
        case SetId::sip_endpoints4:
        case SetId::sip_endpoints6: {
            const auto key = nft::read_endpoint_key(element.key);
            return key && may_listen(to_alg(key->inside));
        }
        case SetId::callbacks4:
        case SetId::callbacks6: {
            const auto key = nft::read_pinhole_key(element.key);
            if (!key) return false;
            // With the outside endpoint it is for a packet that is yet to be translated: the map says to where.
            return may_be_outside(to_alg(key->inside)) || may_be_called(to_alg(key->inside), to_alg(key->remote));
        }
        case SetId::outside4: {
            const auto key = nft::read_pinhole_key(element.key);
            return key && may_be_outside(to_alg(key->inside));
        }
        case SetId::outside_open4: {
            const auto key = nft::read_endpoint_key(element.key);
            return key && may_be_outside(to_alg(key->inside));
        }
        case SetId::dnat4: {
            const auto key = nft::read_pinhole_key(element.key);
            return key && !policy_.is_reserved(key->inside.port) && may_translate_to(element);
        }
        case SetId::dnat_open4: {
            const auto key = nft::read_endpoint_key(element.key);
            return key && !policy_.is_reserved(key->inside.port) && may_translate_to(element);
        }
        case SetId::snat4: return may_be_binding(element);
        case SetId::admitted4:
        case SetId::admitted6: {
            const auto tuple = nft::read_tuple_key(element.key);
            return tuple && (is_inside_or_outside(to_alg(tuple->source.address)) ||
                             is_inside_or_outside(to_alg(tuple->destination.address)));
        }
        case SetId::tls_clients4:
        case SetId::tls_clients6: return may_be_tls_client(element);
        case SetId::handover: return element.key == nft::Key::protocol(nft::Protocol::tcp);
        default: return false;  // the packet path's own
    }
}

bool OpeningRules::has_spoken(const alg::IpAddress& host) const {
    return heard_ == nullptr || !policy_.relays.empty() || heard_->contains(host);
}

bool OpeningRules::may_be_pinhole(SetId set, const nft::Element& element) const {
    const auto key = pinhole_at(set, element.key);
    const auto note = parse_comment(element.comment.text());
    if (!key || !note) return false;
    alg::PinholeChange change;
    change.key = *key;
    change.purpose = note->purpose;
    return may_open(change, policy_) && has_spoken(change.key.inside.address);
}

bool OpeningRules::may_be_called(const alg::Endpoint& listener, const alg::IpAddress& remote) const {
    alg::CallbackChange change;
    change.inside = listener;
    change.remote = remote;
    return may_call_back(change, policy_) && has_spoken(listener.address);
}

bool OpeningRules::may_listen(const alg::Endpoint& listener) const {
    return may_be_called(listener, listener.address);  // by whom, the set of callbacks says
}

bool OpeningRules::may_translate_to(const nft::Element& element) const {
    if (!element.target) return false;
    // Only who also is in a set of pinholes or callbacks is let through, and those have their own rules.
    return may_listen(to_alg(*element.target));
}

bool OpeningRules::may_be_binding(const nft::Element& element) const {
    const auto key = nft::read_binding_key(element.key);
    return key && element.target && policy_.inside.contains(to_alg(key->inside.address)) &&
           may_be_outside(to_alg(*element.target));
}

bool OpeningRules::may_be_tls_client(const nft::Element& element) const {
    const auto tuple = nft::read_tuple_key(element.key);
    return tuple && tuple->protocol == nft::Protocol::tcp && tuple->destination.port == policy_.tls.port &&
           policy_.inside.contains(to_alg(tuple->source.address)) &&
           policy_.tls.servers.contains(to_alg(tuple->destination.address));
}

bool OpeningRules::may_seed(const nft::FlowEntry& entry) const {
    if ((entry.mark & ~marks_.pinhole()) != 0 || entry.timeout > longest_) return false;
    if (entry.outside && !may_be_outside(to_alg(*entry.outside))) return false;
    const alg::FlowTuple flow = to_alg(entry.original);
    const bool signalling = entry.mark == 0;
    if (signalling) return may_be_called(flow.destination, flow.source.address);
    // What for, the pinhole says that the packet path asks for beside this entry.
    alg::PinholeChange change;
    change.key = {flow.transport, false, flow.destination, flow.source.address};
    const auto may_be_for = [&](alg::PortRole role) {
        change.purpose.role = role;
        return may_open(change, policy_) && has_spoken(flow.destination.address);
    };
    if (flow.transport == alg::Transport::udp) return may_be_for(alg::PortRole::rtp);
    return may_be_for(alg::PortRole::t120) || may_be_for(alg::PortRole::file);
}

bool OpeningRules::may_be_outside(const alg::Endpoint& endpoint) const {
    return is_outside(endpoint.address) && !policy_.is_reserved(endpoint.port);
}

bool OpeningRules::is_outside(const alg::IpAddress& address) const {
    return std::find(outside_.begin(), outside_.end(), address) != outside_.end();
}

bool OpeningRules::is_inside_or_outside(const alg::IpAddress& address) const {
    return policy_.inside.contains(address) || is_outside(address);
}

}  // namespace messenger::daemon
