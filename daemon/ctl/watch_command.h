// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/ctl/subcommand.h"

namespace messenger::daemon {

/// messenger-algctl watch.
void add_watch_command(CLI::App& app, Run& run);

}  // namespace messenger::daemon
