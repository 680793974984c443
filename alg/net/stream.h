// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <boost/container/small_vector.hpp>

#include "alg/limits.h"

namespace messenger::alg {

/// TCP sequence numbers wrap; they are compared by the sign of their distance (RFC 9293 section 3.4).
[[nodiscard]] constexpr bool sequence_before(std::uint32_t left, std::uint32_t right) {
    return static_cast<std::int32_t>(left - right) < 0;
}

/// Puts the segments of one TCP direction into order (RFC 9293 section 3.10.7.4). Holds only what came early: bytes in
/// order are handed out in place, out of the packet that brought them.
///
/// Retransmissions are cut to what is new. Two segments that overlap and disagree about a byte that has not been handed
/// out yet are a conflict: nobody can know which one the receiver keeps, so the stream must not be trusted any more.
class StreamReassembler {
   public:
    enum class Outcome : std::uint8_t {
        accepted,   ///< bytes may be ready; call next() until it is empty
        conflict,   ///< overlapping segments disagree
        overflow,   ///< more early bytes or segments than Limits::pending_bytes, Limits::pending_segments
    };

    /// The first byte of data has this number (one after the SYN's).
    explicit StreamReassembler(std::uint32_t first_sequence) : next_(first_sequence) {}

    /// Takes one segment's payload. data is borrowed until the next call of push(); early data is copied.
    [[nodiscard]] Outcome push(std::uint32_t sequence, std::string_view data, const Limits& limits);

    /// The next run of bytes in order, empty when there is none. Borrowed: it lives until the next push().
    [[nodiscard]] std::string_view next();

    /// The number of the next byte that is awaited.
    [[nodiscard]] std::uint32_t expected_sequence() const { return next_; }
    /// Early bytes held, for the budget of all streams.
    [[nodiscard]] std::size_t buffered() const { return buffered_; }

   private:
    struct Segment {
        std::uint32_t sequence = 0;
        boost::container::small_vector<char, 0> bytes;
    };

    std::uint32_t next_;
    std::string_view ready_;   ///< in order, inside the caller's packet
    boost::container::small_vector<Segment, 0> early_;   ///< sorted by sequence, without overlap
    boost::container::small_vector<char, 0> handed_out_;   ///< keeps a segment of early_ alive while it is borrowed
    std::size_t buffered_ = 0;
};

}  // namespace messenger::alg
