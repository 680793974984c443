// SPDX-License-Identifier: GPL-2.0-or-later
#include <cstdio>
#include <exception>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "daemon/ctl/explain_command.h"
#include "daemon/ctl/subcommand.h"

namespace {

using namespace messenger::daemon;

int run_command(int argc, char** argv) {
    CLI::App app("The SIP application-level gateway messenger-alg: looks at it, and at captures.", "messenger-algctl");
    app.set_version_flag("--version", "messenger-algctl " MESSENGER_VERSION);
    app.require_subcommand(1);
    Run run;
    add_explain_command(app, run);
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
