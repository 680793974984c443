// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "alg/policy.h"

namespace messenger::alg {

/// The ports of one outside address and transport: which are taken. Reserved ones (Policy::is_reserved) are never given
/// out. Blocks of neighbouring ports can keep the parity of
/// the number that they were asked for, so that RTP stays on an even port and RTCP on the next (RFC 3550 section 11).
class PortPool {
   public:
    /// Borrowed; outlives this object.
    explicit PortPool(const Policy& policy) : policy_(policy) {}

    /// Takes count neighbouring ports. preferred: the number that the first of them should have; taken if the whole
    /// block is free. Else the next free block of the range after the last one handed out. Absent when none is left.
    [[nodiscard]] std::optional<std::uint16_t> take(std::uint16_t preferred, std::size_t count, PortRange range,
                                                    bool keep_number, bool keep_parity);
    /// Takes just this one; false if it is taken or reserved.
    [[nodiscard]] bool take_exactly(std::uint16_t port);
    /// The port must be taken.
    void give_back(std::uint16_t port);

    [[nodiscard]] bool is_taken(std::uint16_t port) const { return taken_[port]; }
    [[nodiscard]] std::size_t taken() const { return count_; }

   private:
    [[nodiscard]] bool is_free(std::size_t first, std::size_t count) const;
    void mark(std::size_t first, std::size_t count);

    const Policy& policy_;
    std::bitset<65536> taken_;
    std::size_t count_ = 0;
    std::size_t next_ = 0;  ///< where the search goes on: numbers are not used again at once
};

}  // namespace messenger::alg
