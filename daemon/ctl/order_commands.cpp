// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/order_commands.h"

#include <memory>
#include <string>

#include "daemon/ctl/daemon_link.h"
#include "daemon/ctl/order_text.h"

namespace messenger::daemon {

namespace {

struct OrderArguments {
    DaemonOptions daemon;
    std::string what;
};

/// A command with one argument. field: its name in the request.
struct Order {
    const char* name;
    const char* description;
    const char* argument;
    const char* argument_description;
    const char* field;
    Teller tell;
};

void add_order(CLI::App& app, Run& run, const Order& order) {
    CLI::App* command = app.add_subcommand(order.name, order.description);
    const auto arguments = std::make_shared<OrderArguments>();
    add_daemon_options(*command, arguments->daemon);
    command->add_option(order.argument, arguments->what, order.argument_description)->required()->type_name("");
    command->callback([arguments, order, &run] {
        run = [arguments, order] {
            return ask_and_print(arguments->daemon, {order.name, {{order.field, arguments->what}}}, order.tell);
        };
    });
}

void add_observe(CLI::App& app, Run& run) {
    CLI::App* command = app.add_subcommand(
        "observe", "Everything but opening and changing: what would be done is logged and shown. Until a restart.");
    const auto arguments = std::make_shared<OrderArguments>();
    add_daemon_options(*command, arguments->daemon);
    command->add_option("on|off", arguments->what, "on: only look on. off: serve calls.")
        ->required()
        ->type_name("")
        ->check(CLI::IsMember({"on", "off"}));
    command->callback([arguments, &run] {
        run = [arguments] {
            return ask_and_print(arguments->daemon, {"observe", {{"on", arguments->what == "on"}}}, tell_observe);
        };
    });
}

}  // namespace

void add_order_commands(CLI::App& app, Run& run) {
    add_order(app, run,
              {"close", "Closes what a call has open, and opens nothing more for it. The call itself goes on.",
               "CALL-ID", "The call; the beginning of its Call-ID will do.", "id", tell_close});
    add_order(app, run,
              {"block", "Opens nothing for a host, inside or outside, until it is unblocked or the daemon restarts.",
               "HOST", "Its address.", "host", tell_block});
    add_order(app, run, {"unblock", "Takes a block back.", "HOST", "Its address.", "host", tell_unblock});
    add_observe(app, run);
}

}  // namespace messenger::daemon
