// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace messenger::daemon {

/// What the chosen subcommand does once the whole command line is known to be right: returns the exit status. Each
/// subcommand has a file of its own with a function add_NAME_command(app, run), which describes its command line to
/// app and, if it is the chosen one, sets run.
using Run = std::function<int()>;

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

}  // namespace messenger::daemon
