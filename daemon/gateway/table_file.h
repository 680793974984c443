// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nft/element.h"
#include "nft/set_spec.h"

namespace messenger::daemon {

/// What is in our sets, as an orderly stop leaves it to the next daemon: the kernel lists a large set in a time that
/// grows faster than its size. Good for as long as nobody has changed any rules since, which their generation says.
struct LeftTable {
    std::uint32_t generation = 0;
    std::map<nft::SetId, std::vector<nft::StoredElement>> sets;  ///< whole; those that are empty, too
    std::vector<nft::Place> closed;  ///< removed so late that a packet under way may have made them anew
};

[[nodiscard]] std::vector<std::byte> write_left_table(const LeftTable& table, std::string_view ruleset);
/// Absent if it is of another version, about another ruleset, or damaged.
[[nodiscard]] std::optional<LeftTable> read_left_table(std::span<const std::byte> bytes, std::string_view ruleset);

/// Names the rules that a generation counts: those of this network namespace since the machine has started. Empty if
/// that cannot be found out.
[[nodiscard]] std::string name_of_ruleset();

}  // namespace messenger::daemon
