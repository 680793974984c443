// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "alg/limits.h"

namespace messenger::alg {

/// TCP sequence numbers wrap; they are compared by the sign of their distance (RFC 9293 section 3.4).
[[nodiscard]] constexpr bool sequence_before(std::uint32_t left, std::uint32_t right) {
    return static_cast<std::int32_t>(left - right) < 0;
}

/// How far position lies after origin; negative: before.
[[nodiscard]] constexpr std::int32_t sequence_distance(std::uint32_t origin, std::uint32_t position) {
    return static_cast<std::int32_t>(position - origin);
}

/// The later one of two.
[[nodiscard]] constexpr std::uint32_t later_sequence(std::uint32_t left, std::uint32_t right) {
    return sequence_before(left, right) ? right : left;
}

/// Puts the segments of one TCP direction into order (RFC 9293 section 3.10.7.4). Holds only what came early: bytes in
/// order are handed out in place, out of the packet that brought them.
///
/// Retransmissions are cut to what is new. Two segments that overlap and disagree about a byte that has not been handed
/// out yet are a conflict: nobody can know which one the receiver keeps, so the stream must not be trusted any more.
/// After a conflict or an overflow the object may still be called, but there is a hole or a doubt in what it holds.
class StreamReassembler {
   public:
    enum class Outcome : std::uint8_t {
        accepted,  ///< bytes may be ready; call next() until it is empty
        conflict,  ///< overlapping segments disagree
        overflow,  ///< more early bytes or runs of them than Limits::pending_bytes, Limits::pending_segments
    };

    /// No TCP window is larger (RFC 7323 section 2.3): every receiver drops a segment that begins later, and so do we.
    static constexpr std::int32_t kLargestWindow = 1 << 30;

    /// The first byte of data has this number (one after the SYN's).
    explicit StreamReassembler(std::uint32_t first_sequence) : next_(first_sequence) {}

    /// Takes one segment's payload. data is borrowed until the next call of push(); early data is copied. All that was
    /// ready has been taken with next() before.
    [[nodiscard]] Outcome push(std::uint32_t sequence, std::string_view data, const Limits& limits);

    /// The next run of bytes in order, empty when there is none. Borrowed: it lives until the next push() or release().
    [[nodiscard]] std::string_view next();

    /// Ends the borrowing early: frees the early bytes that next() handed out since the last push(), which push()
    /// would do otherwise. For connections that may now be silent for hours.
    void release();

    /// The number of the next byte that next() will hand out.
    [[nodiscard]] std::uint32_t expected_sequence() const { return next_; }
    /// Early bytes held, for the budget of all streams. Those handed out count until push() or release() frees them.
    [[nodiscard]] std::size_t buffered() const { return buffered_; }

   private:
    /// What one or more segments brought, without a gap.
    struct Run {
        std::uint32_t sequence = 0;
        std::vector<char> bytes;

        [[nodiscard]] std::uint32_t end() const { return sequence + static_cast<std::uint32_t>(bytes.size()); }
    };

    [[nodiscard]] bool agrees_with_early(std::uint32_t sequence, std::string_view data) const;
    [[nodiscard]] Outcome hold(std::uint32_t sequence, std::string_view data, const Limits& limits);

    std::uint32_t next_;
    std::string_view ready_;  ///< in order, inside the caller's packet
    std::vector<Run> early_;  ///< sorted, with a gap before each: a run costs what many small segments would
    std::size_t taken_ = 0;   ///< how many of early_, from its front, were handed out and may still be borrowed
    std::size_t buffered_ = 0;
};

}  // namespace messenger::alg
