// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/ctl/subcommand.h"

namespace messenger::daemon {

/// messenger-algctl status, pinholes, reload: the daemon as a whole.
void add_status_commands(CLI::App& app, Run& run);

}  // namespace messenger::daemon
