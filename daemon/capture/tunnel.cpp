// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/tunnel.h"

#include <cstdint>

#include "daemon/capture/link_layer.h"

namespace messenger::daemon {
namespace {

constexpr std::uint8_t kProtocolIpv4 = 4;
constexpr std::uint8_t kProtocolIpv6 = 41;
constexpr std::uint8_t kProtocolGre = 47;

/// RFC 2784 section 2.1, RFC 2890 section 2; C, K and S each announce 4 more octets:
///     C 0 K S  reserved  version | protocol type | checksum, 0 | key | sequence number
/// A set bit in the place of R is source routing (RFC 1701), version 1 is PPTP: neither is read.
std::variant<Octets, LeftOut> find_ip_in_gre(Octets payload) {
    constexpr std::size_t kFixedSize = 4;
    constexpr unsigned kChecksum = 0x8000;
    constexpr unsigned kRoutingOrVersion = 0x4007;
    constexpr unsigned kKey = 0x2000;
    constexpr unsigned kSequence = 0x1000;
    if (payload.size() < kFixedSize) return LeftOut::unreadable_tunnel;
    const unsigned flags = read16(payload, 0);
    if ((flags & kRoutingOrVersion) != 0) return LeftOut::unreadable_tunnel;
    std::size_t size = kFixedSize;
    for (const unsigned option : {kChecksum, kKey, kSequence}) {
        if ((flags & option) != 0) size += 4;
    }
    if (payload.size() < size) return LeftOut::unreadable_tunnel;
    switch (read16(payload, 2)) {
        case 0x0800:
        case 0x86DD: return payload.subspan(size);
        case 0x6558: return find_ip_in_ethernet(payload.subspan(size));
        default: return LeftOut::unreadable_tunnel;
    }
}

}  // namespace

std::variant<InnermostPacket, LeftOut> find_innermost_packet(Octets packet, unsigned tunnels) {
    for (;; ++tunnels) {
        const std::variant<IpHeader, LeftOut> read = read_ip_header(packet);
        if (const auto* reason = std::get_if<LeftOut>(&read)) return *reason;
        const IpHeader& header = std::get<IpHeader>(read);
        const bool is_gre = header.protocol == kProtocolGre;
        const bool is_tunnel = is_gre || header.protocol == kProtocolIpv4 || header.protocol == kProtocolIpv6;
        if (header.is_fragment || !is_tunnel) return InnermostPacket{header, tunnels};
        if (tunnels >= kMaxTunnels) return LeftOut::too_many_tunnels;
        packet = header.packet.subspan(header.payload_at);
        if (!is_gre) continue;
        const std::variant<Octets, LeftOut> inner = find_ip_in_gre(packet);
        if (const auto* reason = std::get_if<LeftOut>(&inner)) return *reason;
        packet = std::get<Octets>(inner);
    }
}

}  // namespace messenger::daemon
