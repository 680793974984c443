// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/link_layer.h"

#include <cstring>

namespace messenger::daemon {
namespace {

using Result = std::variant<Octets, LeftOut>;

constexpr std::uint16_t kEtherIpv4 = 0x0800;
constexpr std::uint16_t kEtherVlan = 0x8100;
constexpr std::uint16_t kEtherIpv6 = 0x86DD;
constexpr std::uint16_t kEtherPppoeSession = 0x8864;
constexpr std::uint16_t kEtherServiceVlan = 0x88A8;
constexpr std::uint16_t kEtherOldServiceVlan = 0x9100;  // what 802.1ad equipment used before the standard

constexpr unsigned kPppIpv4 = 0x0021;
constexpr unsigned kPppIpv6 = 0x0057;

/// RFC 1661 section 2: the protocol has two octets, or one if that is odd (compressed, RFC 1661 section 6.5).
Result find_ip_in_ppp(Octets frame) {
    if (frame.empty()) return LeftOut::cut_short;
    const bool compressed = (read8(frame, 0) & 1U) != 0;
    const std::size_t size = compressed ? 1 : 2;
    if (frame.size() < size) return LeftOut::cut_short;
    const unsigned protocol = compressed ? read8(frame, 0) : read16(frame, 0);
    if (protocol != kPppIpv4 && protocol != kPppIpv6) return LeftOut::not_ip;
    return frame.subspan(size);
}

/// With or without the address and control octets of RFC 1662.
Result find_ip_in_hdlc_ppp(Octets frame) {
    if (frame.size() == 1 && read8(frame, 0) == 0xFF) return LeftOut::cut_short;
    if (frame.size() >= 2 && read16(frame, 0) == 0xFF03) return find_ip_in_ppp(frame.subspan(2));
    return find_ip_in_ppp(frame);
}

/// RFC 2516 section 4: version and type, code, session, length; then PPP without framing.
Result find_ip_in_pppoe(Octets frame) {
    constexpr std::size_t kHeaderSize = 6;
    if (frame.size() < kHeaderSize) return LeftOut::cut_short;
    if (read16(frame, 0) != 0x1100) return LeftOut::not_ip;
    const std::size_t length = read16(frame, 4);
    if (length > frame.size() - kHeaderSize) return LeftOut::cut_short;
    return find_ip_in_ppp(frame.subspan(kHeaderSize, length));
}

Result find_ip_in_ethertype(std::uint16_t ethertype, Octets payload) {
    for (unsigned tags = 0;; ++tags) {
        switch (ethertype) {
            case kEtherIpv4:
            case kEtherIpv6: return payload;
            case kEtherPppoeSession: return find_ip_in_pppoe(payload);
            case kEtherVlan:
            case kEtherServiceVlan:
            case kEtherOldServiceVlan: break;
            default: return LeftOut::not_ip;
        }
        if (tags == kMaxVlanTags) return LeftOut::too_many_tags;
        if (payload.size() < 4) return LeftOut::cut_short;
        ethertype = read16(payload, 2);
        payload = payload.subspan(4);
    }
}

Result find_ip_in_linux_cooked(Octets frame) {
    constexpr std::size_t kHeaderSize = 16;
    if (frame.size() < kHeaderSize) return LeftOut::cut_short;
    return find_ip_in_ethertype(read16(frame, 14), frame.subspan(kHeaderSize));
}

Result find_ip_in_linux_cooked2(Octets frame) {
    constexpr std::size_t kHeaderSize = 20;
    if (frame.size() < kHeaderSize) return LeftOut::cut_short;
    return find_ip_in_ethertype(read16(frame, 0), frame.subspan(kHeaderSize));
}

/// An address family in the byte order of the machine that captured (NULL) or of the network (LOOP), then the packet.
Result find_ip_in_loopback(Octets frame) {
    constexpr std::size_t kHeaderSize = 4;
    if (frame.size() < kHeaderSize) return LeftOut::cut_short;
    std::uint32_t family = read32(frame, 0);
    // All families are small numbers: a big one was written in the other byte order.
    if (family > 0xFFFF) family = (family >> 24U) | ((family >> 8U) & 0xFF00U);
    switch (family) {
        case 2:   // AF_INET, everywhere
        case 10:  // AF_INET6 of Linux,
        case 23:  // of Windows,
        case 24:  // of NetBSD and OpenBSD,
        case 28:  // of FreeBSD,
        case 30:  // of macOS
            return frame.subspan(kHeaderSize);
        default: return LeftOut::not_ip;
    }
}

/// Family, version, group; then attributes (length, type, value, padded to 4), of which NFULA_PAYLOAD is the packet.
/// Lengths are in host order: libpcap turns them when it reads a file from a machine of the other order.
Result find_ip_in_nflog(Octets frame) {
    constexpr std::size_t kHeaderSize = 4;
    constexpr std::size_t kAttributeHeaderSize = 4;
    constexpr std::uint16_t kPayload = 9;
    if (frame.size() < kHeaderSize) return LeftOut::cut_short;
    const std::uint8_t family = read8(frame, 0);
    if (family != 2 && family != 10) return LeftOut::not_ip;
    Octets rest = frame.subspan(kHeaderSize);
    while (rest.size() >= kAttributeHeaderSize) {
        std::uint16_t length = 0;
        std::uint16_t type = 0;
        std::memcpy(&length, rest.data(), sizeof length);
        std::memcpy(&type, rest.subspan(2).data(), sizeof type);
        if (length < kAttributeHeaderSize || length > rest.size()) return LeftOut::cut_short;
        if (type == kPayload) return rest.subspan(kAttributeHeaderSize, length - kAttributeHeaderSize);
        const std::size_t padded = (std::size_t{length} + 3) / 4 * 4;
        if (padded > rest.size()) break;
        rest = rest.subspan(padded);
    }
    return LeftOut::cut_short;
}

}  // namespace

std::variant<Octets, LeftOut> find_ip_in_ethernet(Octets frame) {
    constexpr std::size_t kHeaderSize = 14;
    if (frame.size() < kHeaderSize) return LeftOut::cut_short;
    return find_ip_in_ethertype(read16(frame, 12), frame.subspan(kHeaderSize));
}

std::variant<Octets, LeftOut> find_ip_packet(int link_type, Octets frame) {
    switch (static_cast<LinkType>(link_type)) {
        case LinkType::ethernet: return find_ip_in_ethernet(frame);
        case LinkType::linux_cooked: return find_ip_in_linux_cooked(frame);
        case LinkType::linux_cooked2: return find_ip_in_linux_cooked2(frame);
        case LinkType::raw:
        case LinkType::raw_bsd:
        case LinkType::raw_file:
        case LinkType::raw_ipv4:
        case LinkType::raw_ipv6: return frame;
        case LinkType::bsd_null:
        case LinkType::bsd_loop: return find_ip_in_loopback(frame);
        case LinkType::ppp:
        case LinkType::ppp_serial: return find_ip_in_hdlc_ppp(frame);
        case LinkType::nflog: return find_ip_in_nflog(frame);
    }
    return LeftOut::unknown_link_type;
}

}  // namespace messenger::daemon
