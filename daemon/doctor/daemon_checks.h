// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "daemon/config/config.h"
#include "daemon/doctor/finding.h"
#include "nft/features.h"
#include "nft/schema.h"

namespace messenger::daemon {

/// Whether the kernel can do what the configuration asks for, each feature tried in the network namespace of the
/// calling thread: a scratch one.
[[nodiscard]] std::optional<nft::Features> check_features(const Config& config, Findings& findings);
/// The daemon that runs, its table and its queues, against the configuration. config_file: to see whether it is newer
/// than what the daemon has read. features: of this kernel; absent, the table is not compared.
void check_daemon(const Config& config, const std::string& config_file, const std::optional<nft::Features>& features,
                  Findings& findings);

/// What there is to say of the daemon's table. runs: the daemon, which sees to it.
[[nodiscard]] std::optional<Finding> judge_table(const nft::SchemaState& state, bool runs);

}  // namespace messenger::daemon
