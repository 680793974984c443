// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/watch_command.h"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "daemon/ctl/calls_text.h"
#include "daemon/ctl/daemon_link.h"
#include "daemon/ctl/screen.h"
#include "daemon/ctl/tell.h"

namespace messenger::daemon {

namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kPeriod(1000);
constexpr std::size_t kMostCalls = 200;  // more than any terminal has lines

/// Two lines, each shorter than a terminal's 80 columns.
[[nodiscard]] std::string head_lines(const json& status) {
    return fmt::format(
        "messenger-algd {}, running for {}{}\n{} calls, {} pinholes, {} one-way; {} messages, {} refused\n",
        shown(status, "version", 24), format_age(number(status, "uptime_seconds")),
        flag(status, "observe") ? ", ONLY LOOKING ON" : "", number(status, "calls"), number(status, "pinholes"),
        number(status, "one_way"), number(field(status, "counters"), "messages"),
        number(field(status, "counters"), "refused"));
}

/// The view of this moment, in place of the answer's result.
[[nodiscard]] Answer look(const DaemonOptions& options) {
    Answer status = ask(options, {"status", json::object()});
    if (status.status != kExitDone) return status;
    Answer calls = ask(options, {"calls", {{"limit", kMostCalls}}});
    if (calls.status != kExitDone) return calls;
    if (options.json) {
        calls.result = to_safe_json({{"status", status.result}, {"calls", calls.result}}) + '\n';
    } else {
        calls.result = head_lines(status.result) + '\n' + tell_calls(calls.result);
    }
    return calls;
}

/// Until somebody leaves, or the daemon does not answer; then that answer.
[[nodiscard]] Answer refresh(const DaemonOptions& options, Answer view) {
    Screen screen;
    while (view.status == kExitDone) {
        screen.show(view.result.get_ref<const std::string&>());
        if (!screen.wait(kPeriod)) break;
        view = look(options);
    }
    return view;
}

[[nodiscard]] int run_watch(const DaemonOptions& options) {
    Answer view = look(options);
    const bool once = options.json || ::isatty(STDOUT_FILENO) == 0;
    if (!once) {
        view = refresh(options, std::move(view));
    } else if (view.status == kExitDone && !print_text(view.result.get_ref<const std::string&>())) {
        return kExitFailed;
    }
    fmt::print(stderr, "{}", view.complaint);
    return view.status;
}

}  // namespace

void add_watch_command(CLI::App& app, Run& run) {
    CLI::App* command = app.add_subcommand(
        "watch", "The calls as they are, refreshed every second; q leaves. Printed once if the output is no terminal.");
    const auto options = std::make_shared<DaemonOptions>();
    add_daemon_options(*command, *options);
    command->callback([options, &run] { run = [options] { return run_watch(*options); }; });
}

}  // namespace messenger::daemon
