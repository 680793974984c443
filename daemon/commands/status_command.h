// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/commands/daemon_parts.h"
#include "daemon/control/command_table.h"

namespace messenger::daemon {

/// status: the daemon at a glance.
void add_status_command(CommandTable& commands, const DaemonParts& parts);

}  // namespace messenger::daemon
