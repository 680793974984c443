// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "daemon/config/config.h"

namespace messenger::daemon {

/// The daemon's configuration in this file, or at the default place if the name is empty. Absent after what is wrong
/// with it was told.
[[nodiscard]] std::optional<Config> read_config_or_complain(const std::string& file);

}  // namespace messenger::daemon
