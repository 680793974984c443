// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/commands/daemon_parts.h"
#include "daemon/control/command_table.h"

namespace messenger::daemon {

/// pinholes: what is open, for whom, and what went through.
void add_pinholes_command(CommandTable& commands, const DaemonParts& parts);

}  // namespace messenger::daemon
