// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace messenger::daemon {

/// All of a file. Absent if it cannot be read, or is longer than most bytes; then why has the system's word for it.
[[nodiscard]] std::optional<std::string> read_file_bytes(const std::string& file, std::size_t most, std::string& why);

}  // namespace messenger::daemon
