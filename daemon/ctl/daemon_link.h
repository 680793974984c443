// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "daemon/control/control_protocol.h"
#include "daemon/ctl/subcommand.h"

namespace messenger::daemon {

/// The options of every subcommand that asks the daemon.
struct DaemonOptions {
    std::string socket;  ///< empty: the configured one
    std::string config;  ///< empty: the default file, if it is there
    bool json = false;
};

/// Adds --json, --socket and --config.
void add_daemon_options(CLI::App& command, DaemonOptions& options);

/// Adds --limit. most: that the daemon gives.
void add_limit_option(CLI::App& command, std::size_t& limit, std::size_t most, const std::string& description);

/// Turns a result into lines for people.
using Teller = std::function<std::string(const nlohmann::json& result)>;

/// Asks the daemon, and prints the result: as one line of JSON, or what tell makes of it. Complaints go to standard
/// error. Returns the exit status.
[[nodiscard]] int ask_and_print(const DaemonOptions& options, const ControlRequest& request, const Teller& tell);

/// JSON for a terminal: ASCII only, no control characters, on one line.
[[nodiscard]] std::string to_safe_json(const nlohmann::json& value);

/// Writes text to standard output; false, after a complaint, if that fails.
[[nodiscard]] bool print_text(std::string_view text);

/// What came of a question: a result, or a complaint, which is a line fit for standard error.
struct Answer {
    int status = kExitDone;  ///< exit status
    nlohmann::json result;
    std::string complaint;
};
[[nodiscard]] Answer ask(const DaemonOptions& options, const ControlRequest& request);

/// Prints what tell makes of each event until the daemon ends, or nobody reads any more. Returns the exit status.
[[nodiscard]] int follow_and_print(const DaemonOptions& options, const ControlRequest& request, const Teller& tell);

}  // namespace messenger::daemon
