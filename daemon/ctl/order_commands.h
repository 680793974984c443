// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/ctl/subcommand.h"

namespace messenger::daemon {

/// messenger-algctl close, block, unblock, observe.
void add_order_commands(CLI::App& app, Run& run);

}  // namespace messenger::daemon
