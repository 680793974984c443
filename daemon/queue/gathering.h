// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>

#include "alg/base/time.h"

namespace messenger::daemon {

/// How long packets wait for each other while many come. A wake-up costs about the same for one packet as for several,
/// and so does a transaction. So a batch begins when a few packets, or a few changes of the kernel's sets, are to be
/// expected, going by the last 20 ms. What opens nothing waits a quarter of a millisecond at most, what shares a
/// transaction as long as the operator allows. While fewer than four come in that time, none waits.
class Gathering {
   public:
    /// longest: what a packet may wait; zero: none ever waits.
    explicit Gathering(alg::Duration longest) : longest_(longest) {}

    /// What a batch brought that was read then. changes: its packets that had the kernel's sets changed.
    void add(alg::TimePoint begun, std::size_t packets, std::size_t changes);

    /// Between the beginnings of two batches at present; zero: a batch begins as soon as there is a packet.
    [[nodiscard]] alg::Duration interval() const { return interval_; }
    /// When the next batch may begin.
    [[nodiscard]] alg::TimePoint next() const { return begun_ + interval_; }

   private:
    alg::Duration longest_;
    alg::Duration interval_{};
    alg::TimePoint begun_;
    alg::TimePoint counted_from_;
    std::size_t packets_ = 0;  ///< since then
    std::size_t changes_ = 0;
};

}  // namespace messenger::daemon
