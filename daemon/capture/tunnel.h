// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <variant>

#include "daemon/capture/ip_header.h"
#include "daemon/capture/left_out.h"
#include "daemon/capture/octets.h"

namespace messenger::daemon {

inline constexpr unsigned kMaxTunnels = 4;

struct InnermostPacket {
    IpHeader header;       ///< header.packet is the packet
    unsigned tunnels = 0;  ///< how many were stripped, those of the caller's included
};

/// Strips IP-in-IP (RFC 2003, RFC 4213, RFC 2473) and GRE (RFC 2784, RFC 2890; around IPv4, IPv6 or Ethernet) from an
/// IP packet. Stops at a fragment: it must be joined first, and this function called again with the tunnels so far.
/// The result borrows from packet.
/// Reasons: cut_short, not_ip, bad_ip_header, too_many_tags, unreadable_tunnel, too_many_tunnels.
[[nodiscard]] std::variant<InnermostPacket, LeftOut> find_innermost_packet(Octets packet, unsigned tunnels = 0);

}  // namespace messenger::daemon
