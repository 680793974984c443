// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/superseded.h"

#include <algorithm>
#include <numeric>

namespace messenger::nft {
namespace {

// Fewer make no chain that is too long.
constexpr std::size_t kFew = 8;

bool is_of_same_element(const Operation& one, const Operation& other) {
    return one.set == other.set && one.element.key == other.element.key;
}

}  // namespace

void leave_out_superseded(std::span<const Operation> operations, std::span<LeaveOut> left_out,
                          std::vector<std::uint32_t>& order) {
    if (operations.size() < kFew) return;
    order.resize(operations.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](std::uint32_t left, std::uint32_t right) {
        const Operation& one = operations[left];
        const Operation& other = operations[right];
        if (one.set != other.set) return one.set < other.set;
        const auto keys = one.element.key <=> other.element.key;
        return keys != 0 ? keys < 0 : left < right;
    });
    // From the last operation of each element to its first.
    bool superseded = false;
    for (std::size_t i = order.size(); i-- > 0;) {
        const Operation& operation = operations[order[i]];
        const bool is_last = i + 1 == order.size() || !is_of_same_element(operation, operations[order[i + 1]]);
        if (is_last) superseded = false;
        if (operation.verb == Verb::flush) continue;
        if (superseded) left_out[order[i]] = LeaveOut::everything;
        superseded = superseded || operation.verb == Verb::remove || operation.verb == Verb::discard ||
                     operation.verb == Verb::refresh;
    }
}

}  // namespace messenger::nft
