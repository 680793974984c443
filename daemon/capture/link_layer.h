// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>

#include "daemon/capture/left_out.h"
#include "daemon/capture/octets.h"

namespace messenger::daemon {

/// The link types that are read, with libpcap's DLT_ numbers as they are on Linux (raw IP is 12 there, 14 on some BSDs
/// and 101 in the file).
enum class LinkType : int {
    bsd_null = 0,
    ethernet = 1,
    ppp = 9,
    raw = 12,
    raw_bsd = 14,
    ppp_serial = 50,
    raw_file = 101,
    bsd_loop = 108,
    linux_cooked = 113,
    raw_ipv4 = 228,
    raw_ipv6 = 229,
    nflog = 239,
    linux_cooked2 = 276,
};

inline constexpr unsigned kMaxVlanTags = 4;

/// The IP packet inside a frame, up to the end of the frame: padding is not cut, and the IP header not looked at. Reads
/// VLAN tags (IEEE 802.1Q, 802.1ad) and PPPoE sessions (RFC 2516) on the way. The result borrows from frame.
/// Reasons: unknown_link_type, not_ip, cut_short, too_many_tags.
[[nodiscard]] std::variant<Octets, LeftOut> find_ip_packet(int link_type, Octets frame);

/// The same for an Ethernet frame, which a GRE tunnel can carry.
[[nodiscard]] std::variant<Octets, LeftOut> find_ip_in_ethernet(Octets frame);

}  // namespace messenger::daemon
