// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace messenger::daemon {

// What the daemon's answers are read with: an older or newer daemon may lack a field, and that is no reason to fail.

/// The field as text that is fit for a terminal; "?" if it is not there.
[[nodiscard]] std::string shown(const nlohmann::json& object, std::string_view name, std::size_t longest = 80);
[[nodiscard]] std::uint64_t number(const nlohmann::json& object, std::string_view name);
[[nodiscard]] bool flag(const nlohmann::json& object, std::string_view name);
/// The field, or null.
[[nodiscard]] const nlohmann::json& field(const nlohmann::json& object, std::string_view name);

/// A time in seconds since 1970 as "2026-03-01 10:00:00" where we are; "?" if it is none.
[[nodiscard]] std::string format_local_time(const nlohmann::json& seconds);
/// "3 d 04:05:06", "4:05:06", "5:06".
[[nodiscard]] std::string format_age(std::uint64_t seconds);
/// "812 B", "1.2 kB", "3.4 MB".
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

}  // namespace messenger::daemon
