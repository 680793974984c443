// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/events_commands.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "daemon/ctl/daemon_link.h"
#include "daemon/ctl/event_text.h"
#include "daemon/ctl/tell.h"

namespace messenger::daemon {

namespace {

struct EventsArguments {
    DaemonOptions daemon;
    std::size_t limit = 1000;
    bool follow = false;
};

[[nodiscard]] std::string event_line(const nlohmann::json& event, bool as_json) {
    return as_json ? to_safe_json(event) + '\n' : tell_event(event);
}

[[nodiscard]] int run_events(const EventsArguments& arguments) {
    if (arguments.follow) {
        return follow_and_print(
            arguments.daemon, {"follow", nlohmann::json::object()},
            [&arguments](const nlohmann::json& event) { return event_line(event, arguments.daemon.json); });
    }
    const Answer answer = ask(arguments.daemon, {"events", {{"limit", arguments.limit}}});
    std::string text;
    for (const nlohmann::json& event : field(answer.result, "events")) text += event_line(event, arguments.daemon.json);
    fmt::print(stderr, "{}", answer.complaint);
    return print_text(text) ? answer.status : kExitFailed;
}

}  // namespace

void add_events_commands(CLI::App& app, Run& run) {
    CLI::App* command =
        app.add_subcommand("events", "What has happened in the calls that are remembered, or happens now.");
    const auto arguments = std::make_shared<EventsArguments>();
    add_daemon_options(*command, arguments->daemon);
    command->add_flag("--follow", arguments->follow,
                      "Wait for what happens from now on, in calls and outside of them.");
    add_limit_option(*command, arguments->limit, 2000, "How many are shown, the latest ones.");
    command->callback([arguments, &run] { run = [arguments] { return run_events(*arguments); }; });
}

}  // namespace messenger::daemon
