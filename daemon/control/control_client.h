// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "daemon/control/control_protocol.h"

namespace messenger::daemon {

/// Asks the daemon that listens at the path, and waits for its answer. Blocks. Throws std::system_error if nobody
/// listens (ENOENT, ECONNREFUSED), if we may not connect (EACCES), if it closes without an answer (ECONNRESET: it does
/// so with those who have no permission) or takes longer than the timeout (ETIMEDOUT).
[[nodiscard]] ControlResponse ask_daemon(const std::string& path, const ControlRequest& request,
                                         std::chrono::milliseconds timeout = std::chrono::seconds(10));

/// The same for a request whose connection follows the events: each line, without its newline, goes to take until that
/// returns false, or the daemon ends the connection. Returns the answer to the request.
using TakeLine = std::function<bool(std::string_view line)>;
[[nodiscard]] ControlResponse follow_daemon(const std::string& path, const ControlRequest& request,
                                            const TakeLine& take);

}  // namespace messenger::daemon
