// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_file.h"

#include <cstddef>

#include "daemon/process/file_bytes.h"

namespace messenger::daemon {

ConfigResult read_config_file(const std::string& file) {
    constexpr std::size_t kLongest = std::size_t{16} << 20U;  // what is longer is no configuration
    std::string why;
    if (const auto text = read_file_bytes(file, kLongest, why)) return parse_config(*text);
    ConfigResult result;
    result.errors.push_back({0, "cannot be read: " + why});
    return result;
}

}  // namespace messenger::daemon
