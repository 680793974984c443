// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>

#include "daemon/capture/left_out.h"
#include "daemon/capture/octets.h"

namespace messenger::daemon {

/// What tunnels and fragments need to know of an IPv4 or IPv6 packet. Borrows the packet. For the SIP side of it see
/// alg::parse_packet(), which reads the transport, too.
///
///     IPv4  | header, options                | payload
///     IPv6  | header, extensions | fragment  | payload
///           0                    header_size payload_at
struct IpHeader {
    Octets packet;  ///< cut to the length that the header gives: without the padding of the link
    bool is_v6 = false;
    std::uint8_t protocol = 0;    ///< of what begins at payload_at
    std::size_t header_size = 0;  ///< what stays when fragments are joined; without the IPv6 fragment header
    std::size_t payload_at = 0;
    std::size_t next_header_at = 0;  ///< IPv6: the octet in the first header_size that names what follows them

    bool is_fragment = false;  ///< not the whole datagram; false for an atomic fragment (RFC 6946)
    bool more_fragments = false;
    std::size_t fragment_offset = 0;  ///< octets
    std::uint32_t identification = 0;
};

/// Reads the IP header at the start of octets, and in IPv6 the hop-by-hop, routing, destination and fragment headers,
/// at most 8. Stops at the fragment header of a real fragment: what follows there is payload.
/// Reasons: cut_short, not_ip, bad_ip_header.
[[nodiscard]] std::variant<IpHeader, LeftOut> read_ip_header(Octets octets);

}  // namespace messenger::daemon
