// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>
#include <cstdio>
#include <exception>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "daemon/ctl/calls_commands.h"
#include "daemon/ctl/check_commands.h"
#include "daemon/ctl/events_commands.h"
#include "daemon/ctl/explain_command.h"
#include "daemon/ctl/metrics_command.h"
#include "daemon/ctl/order_commands.h"
#include "daemon/ctl/policy_commands.h"
#include "daemon/ctl/status_commands.h"
#include "daemon/ctl/subcommand.h"
#include "daemon/ctl/watch_command.h"

namespace {

using namespace messenger::daemon;

constexpr auto kCommands = std::to_array<AddCommands>({
    add_status_commands,
    add_calls_commands,
    add_watch_command,
    add_events_commands,
    add_metrics_command,
    add_order_commands,
    add_explain_command,
    add_check_commands,
    add_policy_commands,
});

int run_command(int argc, char** argv) {
    CLI::App app("The SIP application-level gateway messenger-alg: looks at it, steers it, and explains captures.",
                 "messenger-algctl");
    app.set_version_flag("--version", "messenger-algctl " MESSENGER_VERSION);
    app.require_subcommand(1);
    Run run;
    for (const AddCommands add : kCommands) add(app, run);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // --help and --version come this way, too; CLI11 numbers the other cases from 100.
        return app.exit(error) == 0 ? kExitDone : kExitUsage;
    }
    return run();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run_command(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "messenger-algctl: {}\n", error.what());
        return kExitFailed;
    }
}
