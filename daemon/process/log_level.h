// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

namespace messenger::daemon {

/// The values are those of syslog(3), which the journal reads.
enum class LogLevel : std::uint8_t { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

}  // namespace messenger::daemon
