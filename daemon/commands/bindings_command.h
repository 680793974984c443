// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/commands/daemon_parts.h"
#include "daemon/control/command_table.h"

namespace messenger::daemon {

/// bindings: which outside endpoints stand for which inside ones, for what; and who may reach an
/// inside host at its Contact.
void add_bindings_command(CommandTable& commands, const DaemonParts& parts);

}  // namespace messenger::daemon
