// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace messenger::daemon {

// The daemon's answers as lines for people. Whatever came off the wire goes through sanitize().

[[nodiscard]] std::string tell_status(const nlohmann::json& status);
[[nodiscard]] std::string tell_pinholes(const nlohmann::json& answer);
[[nodiscard]] std::string tell_bindings(const nlohmann::json& answer);
[[nodiscard]] std::string tell_reload(const nlohmann::json& answer);

}  // namespace messenger::daemon
