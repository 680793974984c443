// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "daemon/config/config.h"

namespace messenger::daemon {

inline constexpr const char* kDefaultConfig = "/etc/messenger-alg/messenger-alg.toml";

/// parse_config() of a file. One that cannot be read is a single error, with the system's word for why.
[[nodiscard]] ConfigResult read_config_file(const std::string& file);

}  // namespace messenger::daemon
