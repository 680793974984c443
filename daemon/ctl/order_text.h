// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace messenger::daemon {

// The daemon's answers to orders, as lines for people.

[[nodiscard]] std::string tell_close(const nlohmann::json& answer);
[[nodiscard]] std::string tell_block(const nlohmann::json& answer);
[[nodiscard]] std::string tell_unblock(const nlohmann::json& answer);
[[nodiscard]] std::string tell_observe(const nlohmann::json& answer);

}  // namespace messenger::daemon
