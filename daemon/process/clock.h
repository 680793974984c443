// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cerrno>
#include <ctime>

#include <chrono>

#include "alg/base/time.h"

namespace messenger::daemon {

/// The clock of the daemon: it stands still while the machine sleeps, as the jiffies do by which the kernel counts the
/// timeouts of set elements and of conntrack entries. The two sides must agree on what has expired.
inline constexpr clockid_t kClock = CLOCK_MONOTONIC;

/// The only reader of that clock.
[[nodiscard]] inline alg::TimePoint read_clock() {
    timespec now{};
    static_cast<void>(clock_gettime(kClock, &now));  // cannot fail for this clock
    return alg::TimePoint(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

/// Does not return before. A time that has passed costs no system call.
inline void sleep_until(alg::TimePoint when) {
    if (when <= read_clock()) return;
    const auto since_epoch = when.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
    const timespec until{seconds.count(), (since_epoch - seconds).count()};
    while (clock_nanosleep(kClock, TIMER_ABSTIME, &until, nullptr) == EINTR) continue;
}

/// What people call the time: since 1970, with jumps when somebody sets it. Only to be shown, never to be waited for.
[[nodiscard]] inline alg::Duration read_wall_clock() {
    timespec now{};
    static_cast<void>(clock_gettime(CLOCK_REALTIME, &now));
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// A moment of the daemon's clock as people call it, counted back from now.
[[nodiscard]] inline alg::TimePoint to_wall_clock(alg::TimePoint moment) {
    return alg::TimePoint(read_wall_clock() - (read_clock() - moment));
}

}  // namespace messenger::daemon
