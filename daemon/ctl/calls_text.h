// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace messenger::daemon {

/// The answer to `calls` as lines for people. Whatever came off the wire goes through sanitize().
[[nodiscard]] std::string tell_calls(const nlohmann::json& answer);

/// An answer that is lines already, such as that to `explain`: the daemon has made them fit to be printed, and what is
/// not printable is taken out once more.
[[nodiscard]] std::string tell_text(const nlohmann::json& answer);

}  // namespace messenger::daemon
