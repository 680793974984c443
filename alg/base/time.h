// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>

namespace messenger::alg {

/// A clock that cannot be read: alg is told the time. Its epoch is whatever the caller's clock has (the monotonic clock
/// in the daemon, the capture's time stamps in explain); alg only compares and adds.
struct Clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<Clock>;
    static constexpr bool is_steady = true;
};

using Duration = Clock::duration;
using TimePoint = Clock::time_point;

}  // namespace messenger::alg
