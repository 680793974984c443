// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/ctl/subcommand.h"

namespace messenger::daemon {

/// messenger-algctl explain: what messenger-algd would do with the traffic of captures.
void add_explain_command(CLI::App& app, Run& run);

}  // namespace messenger::daemon
