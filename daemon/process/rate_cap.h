// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "alg/base/time.h"

namespace messenger::daemon {

/// Lets through a number of lines in each span of time, and counts the others.
class RateCap {
   public:
    RateCap(std::uint32_t lines, alg::Duration span) : lines_(lines), span_(span) {}

    struct Answer {
        bool let_through = false;
        std::uint64_t suppressed = 0;  ///< since the last answer that let through; to be told with this line
    };
    [[nodiscard]] Answer ask(alg::TimePoint now);

   private:
    std::uint32_t lines_;
    alg::Duration span_;
    alg::TimePoint begin_;
    std::uint32_t used_ = 0;
    std::uint64_t suppressed_ = 0;
    bool started_ = false;
};

}  // namespace messenger::daemon
