// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nft/address.h"

namespace messenger::nft {

/// Our one table; its family is inet.
inline constexpr std::string_view kTable = "messenger_alg";

/// The sets of the table. The number is the index into set_specs().
enum class SetId : std::uint8_t {
    pinholes4,  ///< remote address . inside address . protocol . inside port
    pinholes6,
    open4,  ///< inside address . protocol . inside port, for any remote
    open6,
    received4,  ///< key of open; made by the packet path; its counter is what came in through a pinhole
    received6,
    sent4,  ///< key of open; made by the packet path; its counter is what went out through a pinhole
    sent6,
    admitted4,  ///< source address . destination address . protocol . source port . destination port
    admitted6,
    sip_endpoints4,  ///< key of open; listeners learnt at run time whose traffic goes to the signalling queue
    sip_endpoints6,
    callbacks4,  ///< key of pinholes, with the inside or the outside endpoint: who may connect to such a listener
    callbacks6,
    heard4,  ///< source address; made by the packet path: who has sent signalling within the last minute
    heard6,
    others4,  ///< key of admitted; made by the packet path: what was neither signalling nor media a moment ago
    others6,
    sip_ports,  ///< protocol . port, from the configuration; no timeout
    // NAT, IPv4 only; there where SchemaOptions::nat_interfaces names any
    outside4,       ///< key of pinholes with the outside endpoint: first packets that are not translated yet
    outside_open4,  ///< key of open with the outside endpoint
    dnat4,          ///< map: key of outside4 to inside address . inside port
    dnat_open4,     ///< map: key of outside_open4 to inside address . inside port
    snat4,          ///< map: outside interface . key of open to outside address . outside port
    handover,       ///< protocol; holds tcp while the next daemon is about to go on with edited connections
    // there where SchemaOptions::tls names servers
    tls_clients4,  ///< key of admitted, from client to server: connections that live, kept by the packet path
    tls_clients6,
};

inline constexpr std::size_t kSetCount = 27;

/// One field of a key. In a concatenation each takes a multiple of 4 bytes, as nft's registers do.
enum class Field : std::uint8_t { ipv4_address, ipv6_address, protocol, port, interface };

[[nodiscard]] std::size_t field_size(Field field);         ///< bytes that carry the value
[[nodiscard]] std::size_t padded_field_size(Field field);  ///< bytes in a concatenation
[[nodiscard]] std::uint32_t nft_data_type(Field field);    ///< nft's number for it, so that `nft list` can read it

struct SetSpec {
    SetId id;
    std::string_view name;  ///< NUL follows
    std::span<const Field> key;
    bool counter;                     ///< every element counts packets and bytes
    bool permanent;                   ///< elements have no timeout, and the packet path does not write to it
    std::span<const Field> target{};  ///< of a map: what its keys lead to; empty: a plain set
    enum class For : std::uint8_t { all, nat, tls };
    For used_for = For::all;  ///< what it is made for

    [[nodiscard]] bool is_map() const { return !target.empty(); }
    [[nodiscard]] std::size_t key_size() const;
    [[nodiscard]] std::size_t target_size() const;
};

[[nodiscard]] const std::array<SetSpec, kSetCount>& set_specs();
[[nodiscard]] const SetSpec& spec_of(SetId id);

[[nodiscard]] constexpr SetId pinholes(Family family) {
    return family == Family::ipv4 ? SetId::pinholes4 : SetId::pinholes6;
}
[[nodiscard]] constexpr SetId open(Family family) {
    return family == Family::ipv4 ? SetId::open4 : SetId::open6;
}
[[nodiscard]] constexpr SetId received(Family family) {
    return family == Family::ipv4 ? SetId::received4 : SetId::received6;
}
[[nodiscard]] constexpr SetId sent(Family family) {
    return family == Family::ipv4 ? SetId::sent4 : SetId::sent6;
}
[[nodiscard]] constexpr SetId admitted(Family family) {
    return family == Family::ipv4 ? SetId::admitted4 : SetId::admitted6;
}
[[nodiscard]] constexpr SetId tls_clients(Family family) {
    return family == Family::ipv4 ? SetId::tls_clients4 : SetId::tls_clients6;
}
[[nodiscard]] constexpr SetId callbacks(Family family) {
    return family == Family::ipv4 ? SetId::callbacks4 : SetId::callbacks6;
}
[[nodiscard]] constexpr SetId heard(Family family) {
    return family == Family::ipv4 ? SetId::heard4 : SetId::heard6;
}
[[nodiscard]] constexpr SetId others(Family family) {
    return family == Family::ipv4 ? SetId::others4 : SetId::others6;
}
[[nodiscard]] constexpr SetId sip_endpoints(Family family) {
    return family == Family::ipv4 ? SetId::sip_endpoints4 : SetId::sip_endpoints6;
}

}  // namespace messenger::nft
