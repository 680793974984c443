// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/net/packet.h"

#include <algorithm>
#include <array>
#include <optional>

#include "alg/net/header_sizes.h"

namespace messenger::alg {

namespace {

using Bytes = std::span<const std::byte>;

constexpr unsigned kMaxExtensions = 8;

// IPv6 extension headers by their protocol number.
constexpr unsigned kHopByHop = 0;
constexpr unsigned kRouting = 43;
constexpr unsigned kFragment = 44;
constexpr unsigned kDestinationOptions = 60;

// The readers trust their caller to have checked the size.

[[nodiscard]] unsigned read_u8(Bytes bytes, std::size_t at) {
    return std::to_integer<unsigned>(bytes[at]);
}

[[nodiscard]] std::uint16_t read_u16(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>(read_u8(bytes, at) << 8U | read_u8(bytes, at + 1));
}

[[nodiscard]] std::uint32_t read_u32(Bytes bytes, std::size_t at) {
    return std::uint32_t{read_u16(bytes, at)} << 16U | read_u16(bytes, at + 2);
}

[[nodiscard]] std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What the IP header says about the rest.
struct IpPayload {
    unsigned protocol = 0;
    Bytes bytes;  ///< from the transport header to the end of the IP packet
};

[[nodiscard]] Expected<IpPayload> parse_ipv4(Bytes packet, FlowTuple& tuple) {
    if (packet.size() < kIpv4HeaderSize) return Error::truncated_packet;
    const std::size_t header = (read_u8(packet, 0) & 0x0fU) * std::size_t{4};
    const unsigned protocol = read_u8(packet, 9);
    std::size_t total = read_u16(packet, 2);
    if (total == 0 && protocol == static_cast<unsigned>(Transport::tcp)) total = packet.size();
    if (header < kIpv4HeaderSize || total < header) return Error::bad_ip_header;
    if (total > packet.size()) return Error::truncated_packet;
    constexpr unsigned kMoreFragments = 0x2000;
    constexpr unsigned kOffset = 0x1fff;
    if ((read_u16(packet, 6) & (kMoreFragments | kOffset)) != 0) return Error::fragment;
    tuple.source.address = IpAddress::v4(read_u32(packet, 12));
    tuple.destination.address = IpAddress::v4(read_u32(packet, 16));
    return IpPayload{protocol, packet.subspan(header, total - header)};
}

[[nodiscard]] Expected<IpPayload> parse_ipv6(Bytes packet, FlowTuple& tuple) {
    if (packet.size() < kIpv6HeaderSize) return Error::truncated_packet;
    const std::size_t length = read_u16(packet, 4);
    if (length == 0) return Error::bad_ip_header;
    if (length > packet.size() - kIpv6HeaderSize) return Error::truncated_packet;
    tuple.source.address = IpAddress::v6(packet.subspan<8, 16>());
    tuple.destination.address = IpAddress::v6(packet.subspan<24, 16>());

    IpPayload payload{read_u8(packet, 6), packet.subspan(kIpv6HeaderSize, length)};
    for (unsigned extensions = 0;; ++extensions) {
        std::size_t size = 8;
        switch (payload.protocol) {
            case kHopByHop:
            case kRouting:
            case kDestinationOptions: break;
            case kFragment:
                if (payload.bytes.size() < size) return Error::truncated_packet;
                // Offset and "more" both zero is an atomic fragment (RFC 6946), which is the whole datagram. The two
                // reserved bits between them say nothing.
                if ((read_u16(payload.bytes, 2) & 0xfff9U) != 0) return Error::fragment;
                break;
            default: return payload;
        }
        if (extensions == kMaxExtensions) return Error::bad_ip_header;
        if (payload.bytes.size() < size) return Error::truncated_packet;
        if (payload.protocol != kFragment) size += read_u8(payload.bytes, 1) * std::size_t{8};
        if (payload.bytes.size() < size) return Error::truncated_packet;
        payload.protocol = read_u8(payload.bytes, 0);
        payload.bytes = payload.bytes.subspan(size);
    }
}

void read_ports(Bytes segment, FlowTuple& tuple) {
    tuple.source.port = read_u16(segment, 0);
    tuple.destination.port = read_u16(segment, 2);
}

[[nodiscard]] Expected<PacketView> parse_udp(Bytes datagram, PacketView view) {
    if (datagram.size() < kUdpHeaderSize) return Error::truncated_packet;
    const std::size_t length = read_u16(datagram, 4);
    if (length < kUdpHeaderSize) return Error::bad_transport_header;
    if (length > datagram.size()) return Error::truncated_packet;
    view.tuple.transport = Transport::udp;
    read_ports(datagram, view.tuple);
    view.payload = as_text(datagram.subspan(kUdpHeaderSize, length - kUdpHeaderSize));
    return view;
}

[[nodiscard]] Expected<PacketView> parse_tcp(Bytes segment, PacketView view) {
    if (segment.size() < kTcpHeaderSize) return Error::truncated_packet;
    const std::size_t header = (read_u8(segment, 12) >> 4U) * std::size_t{4};
    if (header < kTcpHeaderSize) return Error::bad_transport_header;
    if (header > segment.size()) return Error::truncated_packet;
    const unsigned flags = read_u8(segment, 13);
    view.tuple.transport = Transport::tcp;
    read_ports(segment, view.tuple);
    view.tcp.sequence = read_u32(segment, 4);
    view.tcp.acknowledgement = read_u32(segment, 8);
    view.tcp.fin = (flags & 0x01U) != 0;
    view.tcp.syn = (flags & 0x02U) != 0;
    view.tcp.rst = (flags & 0x04U) != 0;
    view.tcp.ack = (flags & 0x10U) != 0;
    view.payload = as_text(segment.subspan(header));
    return view;
}

}  // namespace

Expected<PacketView> parse_packet(std::span<const std::byte> packet) {
    if (packet.empty()) return Error::truncated_packet;
    PacketView view;
    const unsigned version = read_u8(packet, 0) >> 4U;
    if (version != 4 && version != 6) return Error::not_ip;
    const auto payload = version == 4 ? parse_ipv4(packet, view.tuple) : parse_ipv6(packet, view.tuple);
    if (!payload) return payload.error();
    view.transport_at = static_cast<std::size_t>(payload->bytes.data() - packet.data());
    switch (payload->protocol) {
        case static_cast<unsigned>(Transport::udp): return parse_udp(payload->bytes, view);
        case static_cast<unsigned>(Transport::tcp): return parse_tcp(payload->bytes, view);
        default: return Error::other_transport;
    }
}

std::optional<IpAddress> source_address(std::span<const std::byte> packet) {
    if (packet.empty()) return std::nullopt;
    const unsigned version = read_u8(packet, 0) >> 4U;
    if (version == 4 && packet.size() >= kIpv4HeaderSize) return IpAddress::v4(read_u32(packet, 12));
    if (version == 6 && packet.size() >= kIpv6HeaderSize) return IpAddress::v6(packet.subspan<8, 16>());
    return std::nullopt;
}

}  // namespace messenger::alg
