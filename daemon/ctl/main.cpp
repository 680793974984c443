// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "daemon/config/nearest.h"
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
#include "daemon/process/sanitize.h"

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

/// Every option but --help and --version belongs to a command, so the first word is one. CLI11 would only say that one
/// is missing. True after a complaint.
bool complains_of_command(const CLI::App& app, int argc, char** argv) {
    const std::string word = argc > 1 ? argv[1] : "";  // NOLINT(cppcoreguidelines-pro-bounds-pointer-arithmetic)
    if (!word.empty() && word.front() == '-') return false;
    const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
    std::vector<std::string> names;
    names.reserve(commands.size());
    for (const CLI::App* command : commands) names.push_back(command->get_name());
    if (std::find(names.begin(), names.end(), word) != names.end()) return false;
    const std::vector<std::string_view> known(names.begin(), names.end());
    const std::string_view nearest = find_nearest(word, known);
    fmt::print(stderr, "messenger-algctl: {}{}\nThe commands are {}; messenger-algctl --help describes them.\n",
               word.empty() ? "a command is needed" : sanitize(word) + " is no command",
               nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest), fmt::join(names, ", "));
    return true;
}

int run_command(int argc, char** argv) {
    CLI::App app("The SIP application-level gateway messenger-alg: looks at it, steers it, and explains captures.",
                 "messenger-algctl");
    app.set_version_flag("--version", "messenger-algctl " MESSENGER_VERSION);
    app.require_subcommand(1);
    Run run;
    for (const AddCommands add : kCommands) add(app, run);
    if (complains_of_command(app, argc, argv)) return kExitUsage;
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
