// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <string>

#include "daemon/control/control_protocol.h"

namespace messenger::daemon {

/// Asks the daemon that listens at the path, and waits for its answer. Blocks. Throws std::system_error if nobody
/// listens (ENOENT, ECONNREFUSED), if we may not connect (EACCES), if it closes without an answer (ECONNRESET: it does
/// so with those who have no permission) or takes longer than the timeout (ETIMEDOUT).
[[nodiscard]] ControlResponse ask_daemon(const std::string& path, const ControlRequest& request,
                                         std::chrono::milliseconds timeout = std::chrono::seconds(10));

}  // namespace messenger::daemon
