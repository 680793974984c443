// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/read_config.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "daemon/config/config_file.h"

namespace messenger::daemon {

std::optional<Config> read_config_or_complain(const std::string& file) {
    const std::string path = file.empty() ? std::string(kDefaultConfig) : file;
    ConfigResult result = read_config_file(path);
    for (const ConfigError& error : result.errors) {
        fmt::print(stderr, "messenger-algctl: {}\n", error.to_string(path));
    }
    return std::move(result.config);
}

}  // namespace messenger::daemon
