// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/commands/daemon_parts.h"
#include "daemon/control/command_table.h"

namespace messenger::daemon {

/// calls: those that live, or one by its Call-ID. explain: the account of one, in words and as events.
void add_calls_commands(CommandTable& commands, const DaemonParts& parts);

}  // namespace messenger::daemon
