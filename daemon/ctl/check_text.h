// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace messenger::daemon {

// What the checks found, as lines for people. Names and rules that others wrote go through sanitize().

[[nodiscard]] std::string tell_doctor(const nlohmann::json& report);
[[nodiscard]] std::string tell_selftest(const nlohmann::json& report);

}  // namespace messenger::daemon
