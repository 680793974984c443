// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "daemon/queue/queue_socket.h"
#include "nft/schema.h"

namespace messenger::daemon {

/// From two numbers that grow: packets that our rules have handed to a queue, and packets that we have read.
class UnreadCount {
   public:
    void begin(std::uint64_t handed, std::uint64_t read) {
        handed_ = handed;
        read_ = read;
    }
    /// All that were handed on and not read, found at this look and those before.
    std::uint64_t look(std::uint64_t handed, std::uint64_t read) {
        if (handed >= handed_) {  // otherwise somebody else has made the table anew
            const std::uint64_t meant = handed - handed_;
            const std::uint64_t came = read - read_;
            total_ += meant > came ? meant - came : 0;
        }
        begin(handed, read);
        return total_;
    }
    [[nodiscard]] std::uint64_t total() const { return total_; }

   private:
    std::uint64_t total_ = 0;
    // At the last look:
    std::uint64_t handed_ = 0;
    std::uint64_t read_ = 0;
};

/// Packets that were meant for this daemon and that it has never read: their queue was full, and they went on unread or
/// were dropped, as queue.on_overload says. The kernel does not count what a queue lets pass, but our own rules count
/// what they hand to it.
///
/// They count a packet that the kernel has joined from several (GRO) once, and we read it in its parts. What was read
/// beyond what was meant says nothing of another time, so only the time since the last look is compared.
class UnreadPackets {
   public:
    /// Both borrowed; they outlive this object.
    UnreadPackets(nft::Schema& schema, const QueueSocket& queue) : schema_(schema), queue_(queue) {}

    /// Counts from here on: the table is another one, or the packets before were another daemon's.
    void begin() {
        const auto handed = schema_.queued_counts();
        count_.begin(handed ? handed->signalling + handed->first_packets : 0, queue_.counters().packets);
    }
    /// As of the last time that nothing waited: what waits is still to be read.
    [[nodiscard]] std::uint64_t count() {
        const auto handed = schema_.queued_counts();
        if (!handed || queue_.unread_bytes() != 0) return count_.total();
        return count_.look(handed->signalling + handed->first_packets, queue_.counters().packets);
    }

   private:
    nft::Schema& schema_;
    const QueueSocket& queue_;
    UnreadCount count_;
};

}  // namespace messenger::daemon
