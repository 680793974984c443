// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <boost/container/static_vector.hpp>

#include "alg/net/packet.h"

/// Packets made from packets: the headers of an original, IPv4 or IPv6, with another payload or other numbers. Lengths
/// and checksums come out right and whole, even when the original's were not filled in yet (segmentation offload).
///
/// packet and view belong together: view was read from packet. out is overwritten and keeps its memory; it is what
/// follows the original's IP header on, without link padding. False: out says nothing, because the result would be
/// longer than IP can say, or because packet and view do not belong together.
namespace messenger::alg {

/// Identifications for datagrams that may have to be fragmented (RFC 6864): never 0.
class IpIdentifiers {
   public:
    explicit IpIdentifiers(std::uint16_t first) : next_(first) {}
    [[nodiscard]] std::uint16_t next() {
        if (++next_ == 0) ++next_;
        return next_;
    }

   private:
    std::uint16_t next_;
};

/// A datagram with another payload. A checksum of 0 (none) stays 0. If the datagram grew, "don't fragment" is cleared,
/// so that the kernel may fragment it; one that had the flag gets a new identification, for its own may be any number.
[[nodiscard]] bool write_datagram(std::span<const std::byte> packet, const PacketView& view, std::string_view payload,
                                  IpIdentifiers& identifiers, std::vector<std::byte>& out);

/// Where the payload of a packet begins; 0: packet and view do not belong together.
[[nodiscard]] std::size_t payload_offset(std::span<const std::byte> packet, const PacketView& view);

/// What the receiver has beyond the acknowledgement (RFC 2018): from left to before right.
struct SackBlock {
    std::uint32_t left = 0;
    std::uint32_t right = 0;
    bool operator==(const SackBlock&) const = default;
};

/// No more than 4 fit into a TCP header.
using SackBlocks = boost::container::static_vector<SackBlock, 4>;

/// All blocks of a segment, in their order.
[[nodiscard]] SackBlocks read_sack(std::span<const std::byte> packet, const PacketView& view);

/// The timestamps option (RFC 7323 section 3).
struct Timestamps {
    std::uint32_t own = 0;   ///< TSval: the sender's clock
    std::uint32_t echo = 0;  ///< TSecr: what it has last seen of the other end's
};
[[nodiscard]] std::optional<Timestamps> read_timestamps(std::span<const std::byte> packet, const PacketView& view);

/// What a new segment says in place of the original's.
struct SegmentChange {
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgement = 0;  ///< written whether or not the ACK flag is set
    /// In place of those that read_sack() found, one for one; a block that is empty (left == right) is taken out and
    /// its room filled with no-operations.
    SackBlocks sack;
    bool more_follows = false;  ///< the payload's tail was cut: no FIN, no PSH
    // In place of what read_timestamps() found:
    std::optional<std::uint32_t> timestamp{};
    std::optional<std::uint32_t> echo{};
};

/// A TCP segment with other numbers and another payload. What change does not name of the options stays as it is, byte
/// for byte.
[[nodiscard]] bool write_segment(std::span<const std::byte> packet, const PacketView& view, const SegmentChange& change,
                                 std::string_view payload, std::vector<std::byte>& out);

/// No path may refuse segments of this size (RFC 9293 section 3.7.1).
inline constexpr std::uint16_t kLeastSegment = 536;

/// The MSS option of a segment; 0: there is none. Read only from segments with SYN.
[[nodiscard]] std::uint16_t read_mss(std::span<const std::byte> packet, const PacketView& view);

/// A segment with SYN whose MSS option is lower by room, but not below kLeastSegment. False also when there is nothing
/// to lower: no such option, or a value that is small already.
[[nodiscard]] bool lower_mss(std::span<const std::byte> packet, const PacketView& view, std::uint16_t room,
                             std::vector<std::byte>& out);

}  // namespace messenger::alg
