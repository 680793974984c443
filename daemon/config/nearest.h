// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace messenger::daemon {

/// How many letters must be inserted, removed, replaced or swapped with their neighbour to get from one to the other.
[[nodiscard]] std::size_t edit_distance(std::string_view left, std::string_view right);

/// The candidate most like the word, or an empty view if none is near enough to be a slip of the hand.
[[nodiscard]] std::string_view find_nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace messenger::daemon
