// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "alg/net/address.h"

/// IP packets and frames for tests, as octets with right lengths and checksums. The family is that of the source
/// address. Values that a test wants wrong are patched afterwards with put16() and the like.
///
///     udp_packet(endpoint("10.0.0.1", 5060), endpoint("192.0.2.1", 5060), "OPTIONS ...")
///     ethernet_frame(packet, {.vlan_ids = {7}})
namespace messenger::testing {

using Bytes = std::vector<std::byte>;
using ByteSpan = std::span<const std::byte>;

/// Copies into a heap block of exactly this size, so that the address sanitizer sees an overread of one byte.
[[nodiscard]] inline Bytes exact_copy(ByteSpan bytes) {
    return Bytes(bytes.begin(), bytes.end());
}

[[nodiscard]] inline Bytes to_bytes(std::string_view text) {
    const ByteSpan bytes = std::as_bytes(std::span(text));
    return Bytes(bytes.begin(), bytes.end());
}

/// Borrows from bytes.
[[nodiscard]] inline std::string_view to_text(ByteSpan bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] inline alg::IpAddress address(std::string_view text) {
    const std::optional<alg::IpAddress> parsed = alg::IpAddress::parse(text);
    if (!parsed) std::abort();  // a typing error in a test
    return *parsed;
}

[[nodiscard]] inline alg::Endpoint endpoint(std::string_view text, std::uint16_t port) {
    return {address(text), port};
}

// Network byte order.

inline void append8(Bytes& to, unsigned value) {
    to.push_back(static_cast<std::byte>(value & 0xFFU));
}

inline void append16(Bytes& to, unsigned value) {
    append8(to, value >> 8U);
    append8(to, value);
}

inline void append32(Bytes& to, std::uint32_t value) {
    append16(to, value >> 16U);
    append16(to, value & 0xFFFFU);
}

inline void append(Bytes& to, ByteSpan bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

inline void put16(Bytes& in, std::size_t at, unsigned value) {
    in.at(at) = static_cast<std::byte>((value >> 8U) & 0xFFU);
    in.at(at + 1) = static_cast<std::byte>(value & 0xFFU);
}

[[nodiscard]] inline std::uint16_t get16(ByteSpan in, std::size_t at) {
    return static_cast<std::uint16_t>((std::to_integer<unsigned>(in[at]) << 8U) |
                                      std::to_integer<unsigned>(in[at + 1]));
}

/// The sum of RFC 1071, not yet complemented; parts of odd length must come last.
[[nodiscard]] inline std::uint32_t checksum_add(std::uint32_t sum, ByteSpan bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto value = std::to_integer<std::uint32_t>(bytes[i]);
        sum += i % 2 == 0 ? value << 8U : value;
        sum = (sum & 0xFFFFU) + (sum >> 16U);
    }
    return sum;
}

[[nodiscard]] inline std::uint16_t checksum_finish(std::uint32_t sum) {
    while (sum > 0xFFFFU) sum = (sum & 0xFFFFU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum & 0xFFFFU);
}

/// The checksum of UDP, TCP or ICMPv6 with its pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1). Zero if
/// segment already carries the right one.
[[nodiscard]] inline std::uint16_t transport_checksum(const alg::IpAddress& source, const alg::IpAddress& destination,
                                                      unsigned protocol, ByteSpan segment) {
    Bytes pseudo;
    append(pseudo, source.bytes());
    append(pseudo, destination.bytes());
    append32(pseudo, static_cast<std::uint32_t>(segment.size()));
    append32(pseudo, protocol);
    return checksum_finish(checksum_add(checksum_add(0, pseudo), segment));
}

inline constexpr unsigned kProtocolIpv4 = 4;
inline constexpr unsigned kProtocolTcp = 6;
inline constexpr unsigned kProtocolUdp = 17;
inline constexpr unsigned kProtocolIpv6 = 41;
inline constexpr unsigned kProtocolGre = 47;

/// An IPv6 extension header, without its first octet ("next header"), which ip_packet() fills in. Its size plus that
/// octet must be what its own length field says.
struct ExtensionHeader {
    unsigned type = 0;      ///< 0 hop-by-hop, 43 routing, 60 destination options
    Bytes body = Bytes(7);  ///< length field 0 and padding: 8 octets in all
};

struct IpOptions {
    std::uint32_t identification = 0x1234;
    std::uint8_t ttl = 64;
    bool dont_fragment = false;
    Bytes ipv4_options = {};                       ///< a multiple of 4
    std::vector<ExtensionHeader> extensions = {};  ///< IPv6 only, in the order of the wire
};

/// An IPv4 or IPv6 packet around any payload.
[[nodiscard]] inline Bytes ip_packet(const alg::IpAddress& source, const alg::IpAddress& destination, unsigned protocol,
                                     ByteSpan payload, const IpOptions& options = {}) {
    Bytes packet;
    if (source.is_v4()) {
        const std::size_t header = 20 + options.ipv4_options.size();
        append8(packet, static_cast<unsigned>(0x40 + header / 4));
        append8(packet, 0);
        append16(packet, static_cast<unsigned>(header + payload.size()));
        append16(packet, options.identification);
        append16(packet, options.dont_fragment ? 0x4000U : 0U);
        append8(packet, options.ttl);
        append8(packet, protocol);
        append16(packet, 0);
        append(packet, source.bytes());
        append(packet, destination.bytes());
        append(packet, options.ipv4_options);
        put16(packet, 10, checksum_finish(checksum_add(0, packet)));
        append(packet, payload);
        return packet;
    }
    Bytes chain;
    for (std::size_t i = 0; i < options.extensions.size(); ++i) {
        append8(chain, i + 1 < options.extensions.size() ? options.extensions[i + 1].type : protocol);
        append(chain, options.extensions[i].body);
    }
    append32(packet, 0x60000000);
    append16(packet, static_cast<unsigned>(chain.size() + payload.size()));
    append8(packet, options.extensions.empty() ? protocol : options.extensions.front().type);
    append8(packet, options.ttl);
    append(packet, source.bytes());
    append(packet, destination.bytes());
    append(packet, chain);
    append(packet, payload);
    return packet;
}

[[nodiscard]] inline Bytes udp_packet(const alg::Endpoint& source, const alg::Endpoint& destination,
                                      std::string_view payload, const IpOptions& options = {}) {
    Bytes segment;
    append16(segment, source.port);
    append16(segment, destination.port);
    append16(segment, static_cast<unsigned>(8 + payload.size()));
    append16(segment, 0);
    append(segment, std::as_bytes(std::span(payload)));
    const std::uint16_t sum = transport_checksum(source.address, destination.address, kProtocolUdp, segment);
    put16(segment, 6, sum == 0 ? 0xFFFFU : sum);  // 0 would say "no checksum"
    return ip_packet(source.address, destination.address, kProtocolUdp, segment, options);
}

struct TcpSegment {
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgement = 0;
    bool syn = false;
    bool ack = false;
    bool fin = false;
    bool rst = false;
    bool psh = false;
    std::uint16_t window = 65535;
    Bytes options = {};  ///< a multiple of 4
};

[[nodiscard]] inline Bytes tcp_packet(const alg::Endpoint& source, const alg::Endpoint& destination,
                                      const TcpSegment& fields, std::string_view payload,
                                      const IpOptions& options = {}) {
    const unsigned flags = (fields.fin ? 0x01U : 0U) | (fields.syn ? 0x02U : 0U) | (fields.rst ? 0x04U : 0U) |
                           (fields.psh ? 0x08U : 0U) | (fields.ack ? 0x10U : 0U);
    Bytes segment;
    append16(segment, source.port);
    append16(segment, destination.port);
    append32(segment, fields.sequence);
    append32(segment, fields.acknowledgement);
    append8(segment, static_cast<unsigned>((20 + fields.options.size()) / 4) << 4U);
    append8(segment, flags);
    append16(segment, fields.window);
    append32(segment, 0);  // checksum, urgent pointer
    append(segment, fields.options);
    append(segment, std::as_bytes(std::span(payload)));
    put16(segment, 16, transport_checksum(source.address, destination.address, kProtocolTcp, segment));
    return ip_packet(source.address, destination.address, kProtocolTcp, segment, options);
}

/// One fragment of a datagram: payload octets from offset on (a multiple of 8). IPv6 puts a fragment header after the
/// base header; options.extensions stand before it.
[[nodiscard]] inline Bytes ip_fragment(const alg::IpAddress& source, const alg::IpAddress& destination,
                                       unsigned protocol, ByteSpan payload, std::size_t offset, bool more,
                                       const IpOptions& options = {}) {
    if (source.is_v4()) {
        Bytes packet = ip_packet(source, destination, protocol, payload, options);
        put16(packet, 6, static_cast<unsigned>(offset / 8) | (more ? 0x2000U : 0U));
        put16(packet, 10, 0);
        const std::size_t header = 20 + options.ipv4_options.size();
        put16(packet, 10, checksum_finish(checksum_add(0, ByteSpan(packet).first(header))));
        return packet;
    }
    Bytes fragment_header;  // without "next header"
    append8(fragment_header, 0);
    append16(fragment_header, static_cast<unsigned>(offset) | (more ? 1U : 0U));
    append32(fragment_header, options.identification);
    IpOptions with_fragment = options;
    with_fragment.extensions.push_back({.type = 44, .body = fragment_header});
    return ip_packet(source, destination, protocol, payload, with_fragment);
}

/// Cuts a packet made by ip_packet(), udp_packet() or tcp_packet() without IPv4 options and IPv6 extensions into
/// fragments that carry at most payload_size octets (a multiple of 8) each, in order.
[[nodiscard]] inline std::vector<Bytes> fragment_packet(ByteSpan packet, std::size_t payload_size,
                                                        std::uint32_t identification = 0x1234) {
    const bool v4 = std::to_integer<unsigned>(packet[0]) >> 4U == 4;
    const auto address_at = [&](std::size_t at) {
        if (v4) {
            const std::uint32_t high = get16(packet, at);
            return alg::IpAddress::v4((high << 16U) | get16(packet, at + 2));
        }
        return alg::IpAddress::v6(packet.subspan(at).first<16>());
    };
    const alg::IpAddress source = address_at(v4 ? 12 : 8);
    const alg::IpAddress destination = address_at(v4 ? 16 : 24);
    const auto protocol = std::to_integer<unsigned>(packet[v4 ? 9 : 6]);
    const ByteSpan payload = packet.subspan(v4 ? 20 : 40);
    const IpOptions options{.identification = identification};
    std::vector<Bytes> fragments;
    for (std::size_t at = 0; at < payload.size(); at += payload_size) {
        const std::size_t size = std::min(payload_size, payload.size() - at);
        fragments.push_back(ip_fragment(source, destination, protocol, payload.subspan(at, size), at,
                                        at + size < payload.size(), options));
    }
    return fragments;
}

// Frames.

[[nodiscard]] inline unsigned ethertype_of(ByteSpan packet) {
    return !packet.empty() && std::to_integer<unsigned>(packet[0]) >> 4U == 6 ? 0x86DDU : 0x0800U;
}

struct VlanTag {
    unsigned id = 0;
    unsigned protocol = 0x8100;  ///< 0x88A8 for the outer tag of 802.1ad
};

/// Ethernet II around an IP packet, with VLAN tags from the outside in. ethertype 0: that of the packet.
[[nodiscard]] inline Bytes ethernet_frame(ByteSpan packet, const std::vector<VlanTag>& vlans = {},
                                          unsigned ethertype = 0) {
    Bytes frame = to_bytes(std::string_view("\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12));
    for (const VlanTag& tag : vlans) {
        append16(frame, tag.protocol);
        append16(frame, tag.id);
    }
    append16(frame, ethertype == 0 ? ethertype_of(packet) : ethertype);
    append(frame, packet);
    return frame;
}

/// PPPoE session stage (RFC 2516 section 4) with its PPP protocol number, to be put into ethernet_frame(.., 0x8864).
[[nodiscard]] inline Bytes pppoe_session(ByteSpan packet) {
    Bytes result;
    append16(result, 0x1100);  // version 1, type 1, code 0: session data
    append16(result, 0x0042);
    append16(result, static_cast<unsigned>(packet.size() + 2));
    append16(result, ethertype_of(packet) == 0x86DDU ? 0x0057U : 0x0021U);
    append(result, packet);
    return result;
}

/// Linux cooked capture, link type 113. ethertype 0: that of the packet.
[[nodiscard]] inline Bytes sll_frame(ByteSpan packet, unsigned ethertype = 0) {
    Bytes frame;
    append16(frame, 0);  // to us
    append16(frame, 1);  // ARPHRD_ETHER
    append16(frame, 6);  // octets of the address that count
    append32(frame, 0x02000000);
    append32(frame, 0x00010000);
    append16(frame, ethertype == 0 ? ethertype_of(packet) : ethertype);
    append(frame, packet);
    return frame;
}

/// Linux cooked capture version 2, link type 276. ethertype 0: that of the packet.
[[nodiscard]] inline Bytes sll2_frame(ByteSpan packet, unsigned ethertype = 0) {
    Bytes frame;
    append16(frame, ethertype == 0 ? ethertype_of(packet) : ethertype);
    append16(frame, 0);  // reserved
    append32(frame, 3);  // interface index
    append16(frame, 1);  // ARPHRD_ETHER
    append8(frame, 0);   // to us
    append8(frame, 6);
    append32(frame, 0x02000000);
    append32(frame, 0x00010000);
    append(frame, packet);
    return frame;
}

}  // namespace messenger::testing
