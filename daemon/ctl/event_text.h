// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace messenger::daemon {

/// One event as a line for people, with the time of day of this host. Whatever came off the wire goes through
/// sanitize().
[[nodiscard]] std::string tell_event(const nlohmann::json& event);

}  // namespace messenger::daemon
