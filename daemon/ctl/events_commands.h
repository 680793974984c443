// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/ctl/subcommand.h"

namespace messenger::daemon {

/// messenger-algctl events.
void add_events_commands(CLI::App& app, Run& run);

}  // namespace messenger::daemon
