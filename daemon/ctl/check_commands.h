// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/ctl/subcommand.h"

namespace messenger::daemon {

/// messenger-algctl doctor, selftest: whether this host is fit for calls.
void add_check_commands(CLI::App& app, Run& run);

}  // namespace messenger::daemon
