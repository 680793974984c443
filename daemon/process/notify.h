// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string_view>

#include "alg/base/time.h"

namespace messenger::daemon {

// What the service manager is told (sd_notify(3)). Without one, nothing happens.

void notify_ready();
void notify_reloading();
void notify_stopping();
/// One line for "systemctl status".
void notify_status(std::string_view status);
void notify_watchdog();

/// How often notify_watchdog must come: half of what the service manager asks for. Absent if it asks for nothing; then
/// nobody needs to be woken up.
[[nodiscard]] std::optional<alg::Duration> find_watchdog_interval();

}  // namespace messenger::daemon
