// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "daemon/commands/daemon_parts.h"
#include "daemon/queue/queue_statistics.h"

namespace messenger::daemon {

/// How the daemon's queues do: what the kernel says if it does, else what we know ourselves.
[[nodiscard]] std::vector<QueueStatistics> queue_numbers(const DaemonParts& parts);

}  // namespace messenger::daemon
