// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/commands/metrics_command.h"

#include "daemon/metrics/metrics.h"

namespace messenger::daemon {

void add_metrics_command(CommandTable& commands, const DaemonParts& parts) {
    commands.add("metrics", [&parts](const CommandArguments& arguments) {
        const auto families = collect_metrics(parts);
        if (arguments.flag("list")) return nlohmann::json{{"metrics", metrics_json(families)}};
        return nlohmann::json{{"text", metrics_text(families)}};
    });
}

}  // namespace messenger::daemon
