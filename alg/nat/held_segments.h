// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "alg/nat/release_list.h"
#include "alg/net/packet.h"
#include "alg/net/stream.h"

namespace messenger::alg {

/// Segments of one direction that wait for a decision, by sequence number. How many, and how many bytes, is for the
/// caller to bound: bytes() counts whole packets.
class HeldSegments {
   public:
    struct Segment {
        PacketToken token = 0;
        std::uint32_t begin = 0;
        std::uint32_t end = 0;  ///< of its data
        bool fin = false;
        std::span<const std::byte> borrowed;  ///< the packet, until it is copied
        std::vector<std::byte> copy;

        [[nodiscard]] std::span<const std::byte> packet() const {
            return borrowed.empty() ? std::span(copy) : borrowed;
        }
    };

    /// The packet is borrowed until copy_borrowed() or erase_front().
    void insert(PacketToken token, std::span<const std::byte> packet, const PacketView& view);
    void copy_borrowed();
    void erase_front(std::size_t count);

    /// Calls take(segment, end) for one after the other as long as none begins behind the end of those before it; the
    /// first of these ends is at. Returns the last.
    template <class Take>
    [[nodiscard]] std::uint32_t each_without_gap(std::uint32_t at, const Take& take) const {
        for (const Segment& segment : segments_) {
            if (sequence_before(at, segment.begin)) break;
            at = later_sequence(at, segment.end);
            take(segment, at);
        }
        return at;
    }
    /// How many lie before the first one that ends behind position.
    [[nodiscard]] std::size_t count_until(std::uint32_t position) const;

    [[nodiscard]] auto begin() const { return segments_.begin(); }
    [[nodiscard]] auto end() const { return segments_.end(); }
    [[nodiscard]] bool empty() const { return segments_.empty(); }
    [[nodiscard]] std::size_t size() const { return segments_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

   private:
    std::vector<Segment> segments_;
    std::size_t bytes_ = 0;
};

}  // namespace messenger::alg
