// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/contact.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "alg/base/text.h"

namespace messenger::alg {

namespace {

constexpr std::uint16_t kFirstPort = 1024;
constexpr std::array<std::uint16_t, 2> kUsualPorts{5060, 5061};  // although they may be among those to be protected

}  // namespace

std::optional<Contact> parse_contact(std::string_view value, Transport via) {
    const auto address = parse_name_address(value);
    if (!address) return std::nullopt;
    const auto uri = parse_sip_uri(address->uri);
    const auto endpoint = uri ? contact_endpoint(*uri) : std::nullopt;
    if (!endpoint) return std::nullopt;
    const auto named = find_parameter(uri->parameters, "transport");
    if (!named) return Contact{*endpoint, via};
    return Contact{*endpoint, equals_ignoring_case(*named, "udp") ? Transport::udp : Transport::tcp};
}

bool may_be_called(std::uint16_t port, const Policy& policy) {
    if (port < kFirstPort) return false;
    const auto has = [port](const auto& list) { return std::find(list.begin(), list.end(), port) != list.end(); };
    return has(kUsualPorts) || has(policy.sip_ports) || !has(policy.protected_ports);
}

bool is_out_of_range(const Contact& contact, const FlowTuple& tuple, const Policy& policy) {
    if (contact.transport != Transport::tcp || contact.endpoint.address != tuple.source.address) return false;
    const bool own_connection = tuple.transport == Transport::tcp && contact.endpoint.port == tuple.source.port;
    return !own_connection && !policy.dynamic_sip_ports.contains(contact.endpoint.port);
}

}  // namespace messenger::alg
