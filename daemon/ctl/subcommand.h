// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <string_view>

#include <CLI/CLI.hpp>

namespace messenger::daemon {

/// What the chosen subcommand does once the whole command line is known to be right: returns the exit status. Each
/// group of subcommands has a file of its own with an AddCommands function, which describes their command lines to app
/// and, if one of them is chosen, sets run.
using Run = std::function<int()>;

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnreachable = 3;  ///< the daemon does not run, or we may not ask it

inline constexpr int kExitTrouble = 4;  ///< a check found something that does not work, or not safely
inline constexpr int kExitUnknown = 5;  ///< a check found nothing of that kind, but could not tell everything

/// A group of subcommands in the table of main.cpp.
using AddCommands = void (*)(CLI::App& app, Run& run);

}  // namespace messenger::daemon
