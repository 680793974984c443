// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "alg/nat/edit_list.h"

namespace messenger::alg {

/// Bytes of one TCP direction that go on as others of the same number, whichever segment brings them and however often.
/// Nothing waits and no number changes, so the connection may leave us whenever it likes: unlike an EditedConnection it
/// needs no guard. What is overwritten is known until the receiver has acknowledged it; later copies reach nobody.
class Overwrites {
   public:
    static constexpr std::size_t kMostBytes = 1024;

    /// The message that begins at sequence changes by these edits, from its first byte that has not passed yet on.
    /// False, with nothing changed: an edit takes other than the number of bytes that it gives, lies in what has
    /// passed, or finds no room.
    [[nodiscard]] bool add(std::uint32_t sequence, const EditList& edits);
    /// Puts the other bytes into a segment's payload. True if it differs now.
    [[nodiscard]] bool apply(std::uint32_t sequence, std::span<char> payload) const;
    /// A segment has passed.
    void on_segment(std::uint32_t sequence, std::size_t size);
    /// The receiver has everything before.
    void on_acknowledgement(std::uint32_t sequence);

    /// Nothing has to be put in place any more.
    [[nodiscard]] bool empty() const { return pieces_.empty(); }

   private:
    void forget_before(std::uint32_t sequence);

    struct Piece {
        std::uint32_t begin = 0;
        std::string bytes;
        [[nodiscard]] std::uint32_t end() const { return begin + static_cast<std::uint32_t>(bytes.size()); }
    };

    std::vector<Piece> pieces_;
    std::size_t bytes_ = 0;  ///< of all pieces
    bool begun_ = false;
    std::uint32_t passed_ = 0;  ///< the furthest end of a segment that has passed; once begun_
};

}  // namespace messenger::alg
