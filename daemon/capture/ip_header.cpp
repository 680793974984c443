// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/ip_header.h"

#include "alg/net/header_sizes.h"

namespace messenger::daemon {
namespace {

constexpr std::size_t kFragmentHeaderSize = 8;
constexpr unsigned kMaxExtensions = 8;

constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragment = 44;
constexpr std::uint8_t kDestinationOptions = 60;

std::variant<IpHeader, LeftOut> read_ipv4(Octets octets) {
    if (octets.size() < alg::kIpv4HeaderSize) return LeftOut::cut_short;
    const std::size_t header_size = std::size_t{4} * (read8(octets, 0) & 0x0FU);
    const std::size_t total = read16(octets, 2);
    if (header_size < alg::kIpv4HeaderSize || total < header_size) return LeftOut::bad_ip_header;
    if (total > octets.size()) return LeftOut::cut_short;
    IpHeader header;
    header.packet = octets.first(total);
    header.protocol = read8(octets, 9);
    header.header_size = header_size;
    header.payload_at = header_size;
    const unsigned fragment = read16(octets, 6);
    header.more_fragments = (fragment & 0x2000U) != 0;
    header.fragment_offset = std::size_t{8} * (fragment & 0x1FFFU);
    header.is_fragment = header.more_fragments || header.fragment_offset != 0;
    header.identification = read16(octets, 4);
    return header;
}

bool is_extension(std::uint8_t protocol) {
    return protocol == kHopByHop || protocol == kRouting || protocol == kDestinationOptions || protocol == kFragment;
}

/// Steps over the extension header at header.payload_at. False if it does not fit into the packet.
bool step_over_extension(IpHeader& header) {
    const std::size_t at = header.payload_at;
    const std::size_t left = header.packet.size() - at;
    if (left < kFragmentHeaderSize) return false;  // no extension header is shorter
    std::size_t size = kFragmentHeaderSize;
    if (header.protocol == kFragment) {
        const unsigned fragment = read16(header.packet, at + 2);
        header.more_fragments = (fragment & 1U) != 0;
        header.fragment_offset = fragment & 0xFFF8U;
        header.is_fragment = header.more_fragments || header.fragment_offset != 0;
        header.identification = read32(header.packet, at + 4);
    } else {
        size = std::size_t{8} * (read8(header.packet, at + 1) + std::size_t{1});
        if (size > left) return false;
    }
    if (!header.is_fragment) {
        header.header_size = at + size;
        header.next_header_at = at;
    }
    header.protocol = read8(header.packet, at);
    header.payload_at = at + size;
    return true;
}

std::variant<IpHeader, LeftOut> read_ipv6(Octets octets) {
    if (octets.size() < alg::kIpv6HeaderSize) return LeftOut::cut_short;
    const std::size_t payload = read16(octets, 4);
    if (payload > octets.size() - alg::kIpv6HeaderSize) return LeftOut::cut_short;
    IpHeader header;
    header.packet = octets.first(alg::kIpv6HeaderSize + payload);
    header.is_v6 = true;
    header.protocol = read8(octets, 6);
    header.header_size = alg::kIpv6HeaderSize;
    header.payload_at = alg::kIpv6HeaderSize;
    header.next_header_at = 6;
    for (unsigned i = 0; is_extension(header.protocol) && !header.is_fragment; ++i) {
        if (i == kMaxExtensions || !step_over_extension(header)) return LeftOut::bad_ip_header;
    }
    return header;
}

}  // namespace

std::variant<IpHeader, LeftOut> read_ip_header(Octets octets) {
    if (octets.empty()) return LeftOut::cut_short;
    switch (read8(octets, 0) >> 4U) {
        case 4: return read_ipv4(octets);
        case 6: return read_ipv6(octets);
        default: return LeftOut::not_ip;
    }
}

}  // namespace messenger::daemon
