// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/calls_commands.h"

#include <cstddef>
#include <memory>
#include <string>

#include "daemon/ctl/calls_text.h"
#include "daemon/ctl/daemon_link.h"

namespace messenger::daemon {

namespace {

struct CallsArguments {
    DaemonOptions daemon;
    std::string id;
    std::size_t limit = 1000;
    bool recent = false;
};

[[nodiscard]] int run_calls(const CallsArguments& arguments) {
    nlohmann::json request = {{"limit", arguments.limit}, {"recent", arguments.recent}};
    if (!arguments.id.empty()) request["id"] = arguments.id;
    return ask_and_print(arguments.daemon, {"calls", request}, tell_calls);
}

}  // namespace

void add_calls_commands(CLI::App& app, Run& run) {
    CLI::App* command = app.add_subcommand("calls", "The calls that are up: who, since when, what flows.");
    const auto arguments = std::make_shared<CallsArguments>();
    add_daemon_options(*command, arguments->daemon);
    command->add_flag("--recent", arguments->recent, "Those that have ended, too.");
    add_limit_option(*command, arguments->limit, 2000, "How many are shown.");
    command->add_option("CALL-ID", arguments->id, "One call, live or recent; the beginning of its Call-ID will do.")
        ->type_name("");
    command->callback([arguments, &run] { run = [arguments] { return run_calls(*arguments); }; });
}

}  // namespace messenger::daemon
