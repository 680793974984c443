// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/nat_translation.h"

#include "alg/net/t120_port.h"

namespace messenger::alg {

std::optional<Endpoint> OutboundTranslation::endpoint(Transport transport, const Endpoint& endpoint) const {
    if (!is_own(endpoint.address)) return std::nullopt;
    if (transport == Transport::tcp && endpoint.port == kT120Port) {
        const bool refused = t120_refused_ || bindings_.is_closed_to(transport, {path_.outside, kT120Port}, endpoint);
        return Endpoint{path_.advertised, refused ? std::uint16_t{0} : kT120Port};
    }
    if (const auto port = bindings_.outside_port({transport, endpoint, path_.outside})) {
        return Endpoint{path_.advertised, *port};
    }
    // The peer of a file transfer must not be sent to the inside host that has the number.
    if (transport == Transport::tcp && bindings_.inside_of(transport, {path_.outside, endpoint.port})) {
        return std::nullopt;
    }
    return Endpoint{path_.advertised, endpoint.port};
}

std::optional<Endpoint> OutboundTranslation::target(Transport transport, const Endpoint& endpoint) const {
    if (!policy_.inside.contains(endpoint.address)) return std::nullopt;
    const auto port = bindings_.outside_port({transport, endpoint, path_.outside});
    if (!port) return std::nullopt;
    return Endpoint{path_.advertised, *port};
}

std::optional<IpAddress> OutboundTranslation::address(const IpAddress& address) const {
    if (!is_own(address)) return std::nullopt;
    return path_.advertised;
}

/// A relay may announce other inside hosts; nobody else may (security rule 1).
bool OutboundTranslation::is_own(const IpAddress& address) const {
    if (!address.is_v4() || address.is_unspecified()) return false;
    if (address == sender_) return true;
    return policy_.relays.contains(sender_) && policy_.inside.contains(address);
}

std::optional<Endpoint> InboundTranslation::endpoint(Transport transport, const Endpoint& endpoint) const {
    if (endpoint.address != path_.advertised) return std::nullopt;
    if (transport == Transport::tcp && endpoint.port == kT120Port) {
        return sharer_ ? std::optional(Endpoint{*sharer_, kT120Port}) : std::nullopt;
    }
    return bindings_.inside_of(transport, {path_.outside, endpoint.port});
}

std::optional<IpAddress> InboundTranslation::address(const IpAddress& /*address*/) const {
    return std::nullopt;
}

}  // namespace messenger::alg
