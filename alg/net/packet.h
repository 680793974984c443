// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "alg/base/expected.h"
#include "alg/net/tuple.h"

namespace messenger::alg {

/// The TCP fields that stream reassembly needs. Numbers in host order.
struct TcpFields {
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgement = 0;
    bool syn = false;
    bool ack = false;
    bool fin = false;
    bool rst = false;
};

/// One IP packet, read in place. Borrows the bytes it was parsed from.
struct PacketView {
    FlowTuple tuple;
    std::string_view payload;      ///< of UDP or TCP; never beyond the IP header's own length (link padding is cut)
    TcpFields tcp;                 ///< only for TCP
    std::size_t transport_at = 0;  ///< where the UDP or TCP header begins in the packet
};

/// Reads an IPv4 or IPv6 packet, beginning at its IP header, that carries UDP or TCP. IPv6 extension headers
/// (hop-by-hop, routing, destination options, atomic fragments) are walked, at most 8.
/// A UDP length shorter than the datagram cuts the payload; a longer one is an error.
/// An IPv4 total length of 0 on TCP means "all of packet": so look segments larger than 64 kB, and segments that a
/// capture saw before the network card cut them up. The kernel drops any other packet like that. Its IPv6 twin, payload
/// length 0 with a jumbo option, is refused. Whether packet is all that was queued is for the reader of the queue to
/// check. Errors: truncated_packet, not_ip, bad_ip_header, fragment (any real fragment, the first one too),
/// other_transport, bad_transport_header (a UDP length below 8, a TCP data offset below 5). Checksums are not looked
/// at: with GSO they are not filled in yet, and the kernel has checked the others.
[[nodiscard]] Expected<PacketView> parse_packet(std::span<const std::byte> packet);

/// The source address alone, of any IP packet; absent if it is too short to have one.
[[nodiscard]] std::optional<IpAddress> source_address(std::span<const std::byte> packet);

}  // namespace messenger::alg
