// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>

#include "daemon/queue/queue_socket.h"
#include "nft/schema.h"

namespace messenger::daemon {

/// Packets that were meant for this daemon and that it has never read: their queue was full, and they went on unread or
/// were dropped, as queue.on_overload says. The kernel does not count what a queue lets pass, but our own rules count
/// what they hand to it.
class UnreadPackets {
   public:
    /// Both borrowed; they outlive this object.
    UnreadPackets(nft::Schema& schema, const QueueSocket& queue) : schema_(schema), queue_(queue) {}

    /// Counts from here on: the table is another one, or the packets before were another daemon's.
    void begin() {
        const auto handed = schema_.queued_counts();
        handed_before_ = handed ? handed->signalling + handed->first_packets : 0;
        before_ = known_;
        read_before_ = queue_.counters().packets;
    }
    /// As of the last time that nothing waited: what waits is still to be read.
    [[nodiscard]] std::uint64_t count() {
        const auto handed = schema_.queued_counts();
        if (!handed || queue_.unread_bytes() != 0) return known_;
        const std::uint64_t total = handed->signalling + handed->first_packets;
        if (total < handed_before_) return known_;  // somebody else has made the table anew
        const std::uint64_t meant = total - handed_before_;
        const std::uint64_t read = queue_.counters().packets - read_before_;
        if (meant > read) known_ = std::max(known_, before_ + (meant - read));
        return known_;
    }

   private:
    nft::Schema& schema_;
    const QueueSocket& queue_;
    std::uint64_t known_ = 0;
    // When begin() was called last:
    std::uint64_t before_ = 0;         ///< known by then
    std::uint64_t handed_before_ = 0;  ///< what the rules had counted
    std::uint64_t read_before_ = 0;    ///< packets
};

}  // namespace messenger::daemon
