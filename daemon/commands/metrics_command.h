// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/commands/daemon_parts.h"
#include "daemon/control/command_table.h"

namespace messenger::daemon {

/// metrics: what is counted, as Prometheus' text or as a list.
void add_metrics_command(CommandTable& commands, const DaemonParts& parts);

}  // namespace messenger::daemon
