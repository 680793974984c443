// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/commands/daemon_parts.h"
#include "daemon/control/command_table.h"
#include "daemon/gateway/steering.h"

namespace messenger::daemon {

/// close, block, unblock, observe.
void add_order_commands(CommandTable& commands, const DaemonParts& parts, Steering& steering);

}  // namespace messenger::daemon
