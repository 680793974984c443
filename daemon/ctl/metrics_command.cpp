// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/metrics_command.h"

#include <memory>

#include "daemon/ctl/calls_text.h"
#include "daemon/ctl/daemon_link.h"

namespace messenger::daemon {

void add_metrics_command(CLI::App& app, Run& run) {
    CLI::App* command = app.add_subcommand("metrics", "What the daemon counts, in Prometheus' text format.");
    const auto options = std::make_shared<DaemonOptions>();
    add_daemon_options(*command, *options);
    command->callback([options, &run] {
        run = [options] { return ask_and_print(*options, {"metrics", {{"list", options->json}}}, tell_text); };
    });
}

}  // namespace messenger::daemon
