// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace messenger::daemon {

/// One packet that the kernel holds until its verdict. Numbers in host order. The spans borrow the bytes of the netlink
/// message it was read from.
struct QueuedPacket {
    std::uint32_t id = 0;  ///< counts per queue
    std::uint16_t queue = 0;
    std::uint8_t hook = 0;          ///< NF_INET_*
    std::uint16_t hw_protocol = 0;  ///< EtherType
    std::uint32_t mark = 0;
    std::uint32_t indev = 0;             ///< interface index; 0 on the way out
    std::uint32_t outdev = 0;            ///< interface index; 0 on the way in
    std::span<const std::byte> payload;  ///< from the IP header on
    bool truncated = false;              ///< the packet is longer than payload
    bool checksum_not_ready = false;     ///< its transport checksum is still to be filled in by the hardware
    bool checksum_not_verified = false;  ///< nobody has checked its transport checksum
    bool gso = false;                    ///< several segments in one packet; checksum_not_ready holds, too
    /// Only from a kernel that grants F_CONNTRACK: the nested CTA_* attributes, and ip_conntrack_info.
    std::span<const std::byte> conntrack;
    std::optional<std::uint32_t> conntrack_info;
};

struct QueueMessage {
    enum class Kind : std::uint8_t {
        packet,           ///< packet is complete
        acknowledgement,  ///< error and sequence are set
        malformed,  ///< packet is not to be used, except packet.id and packet.queue if has_id: they want a verdict
        other,      ///< of a kind that is none of our business
    };
    Kind kind = Kind::other;
    QueuedPacket packet;
    bool has_id = false;
    int error = 0;  ///< errno, positive; 0 is success
    std::uint32_t sequence = 0;
};

/// Takes the first netlink message off rest, which becomes shorter by it (empty after one whose length is impossible).
/// Absent when rest is empty.
[[nodiscard]] std::optional<QueueMessage> take_queue_message(std::span<const std::byte>& rest);

}  // namespace messenger::daemon
