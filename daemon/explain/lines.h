// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace messenger::daemon {

inline constexpr std::size_t kColumns = 100;

/// Appends text that is fit to be printed, broken at blanks so that it stays within kColumns. first stands before the
/// first line; the others are indented by hang columns. A word that is longer than a line keeps one for itself.
void append_wrapped(std::string& out, std::string_view first, std::size_t hang, std::string_view text);

/// "1 packet", "2 packets".
[[nodiscard]] std::string count(std::size_t number, std::string_view noun);

}  // namespace messenger::daemon
