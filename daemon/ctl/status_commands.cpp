// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/status_commands.h"

#include <cstddef>
#include <memory>

#include "daemon/ctl/daemon_link.h"
#include "daemon/ctl/status_text.h"

namespace messenger::daemon {

namespace {

struct ListArguments {
    DaemonOptions daemon;
    std::size_t limit = 1000;
};

void add_plain_command(CLI::App& app, Run& run, const std::string& name, const std::string& description,
                       const Teller& tell) {
    CLI::App* command = app.add_subcommand(name, description);
    const auto options = std::make_shared<DaemonOptions>();
    add_daemon_options(*command, *options);
    command->callback([options, name, tell, &run] {
        run = [options, name, tell] { return ask_and_print(*options, {name, nlohmann::json::object()}, tell); };
    });
}

void add_list_command(CLI::App& app, Run& run, const std::string& name, const std::string& description,
                      const Teller& tell) {
    CLI::App* command = app.add_subcommand(name, description);
    const auto arguments = std::make_shared<ListArguments>();
    add_daemon_options(*command, arguments->daemon);
    add_limit_option(*command, arguments->limit, 5000, "How many are shown, by inside address.");
    command->callback([arguments, name, tell, &run] {
        run = [arguments, name, tell] {
            return ask_and_print(arguments->daemon, {name, {{"limit", arguments->limit}}}, tell);
        };
    });
}

}  // namespace

void add_status_commands(CLI::App& app, Run& run) {
    add_plain_command(app, run, "status", "The daemon at a glance: calls, pinholes, queues, kernel, failures.",
                      tell_status);
    add_plain_command(app, run, "reload", "Has the daemon read its configuration again, as SIGHUP does.", tell_reload);

    add_list_command(app, run, "pinholes", "What is open, for whom, and what went through.", tell_pinholes);
    add_list_command(app, run, "bindings",
                     "NAT: which outside endpoints stand for which inside ones, and for what; and who may call back.",
                     tell_bindings);
}

}  // namespace messenger::daemon
