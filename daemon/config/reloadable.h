// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.h"

namespace messenger::daemon {

/// Takes over what may change while the daemon runs. What the kernel's table, the queues and the tables of the engine
/// were made with stays until a restart, and so does policy.observe, which is what a start begins with.
void take_reloadable(const Config& from, Config& into);

/// The full names of the keys that have another value in what was read than the daemon runs with: after
/// take_reloadable(), those that wait for a restart.
[[nodiscard]] std::vector<std::string> differing_keys(const Config& running, const Config& read);

}  // namespace messenger::daemon
