// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "daemon/ctl/subcommand.h"

namespace messenger::daemon {

struct ImportPolicyArguments {
    std::vector<std::string> files;
    std::string config;  ///< what to compare with; empty: the host's own
    bool diff = false;
    bool json = false;
    bool user = false;  ///< Registry.pol files are of the user part
};
/// messenger-algctl import-policy: what Group Policy files mean for the configuration.
[[nodiscard]] int run_import_policy(const ImportPolicyArguments& arguments);

struct ExportPolicyArguments {
    std::string config;  ///< empty: the host's own
    std::string output;  ///< empty: standard output
};
/// messenger-algctl export-policy: the .reg file that pins clients to what the configuration lets pass.
[[nodiscard]] int run_export_policy(const ExportPolicyArguments& arguments);

void add_policy_commands(CLI::App& app, Run& run);

}  // namespace messenger::daemon
