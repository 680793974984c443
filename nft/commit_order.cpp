// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/commit_order.h"

#include <algorithm>
#include <numeric>

namespace messenger::nft {
namespace {

bool is_of_same_element(const Operation& one, const Operation& other) {
    return one.set == other.set && one.element.key == other.element.key;
}

bool ends_element(Verb verb) {
    return verb == Verb::remove || verb == Verb::discard || verb == Verb::refresh;
}

/// The packet path writes to it whatever the daemon does, and what it brings back lets packets pass.
bool lets_packets_pass(SetId set) {
    switch (set) {
        case SetId::pinholes4:
        case SetId::pinholes6:
        case SetId::open4:
        case SetId::open6:
        case SetId::tls_clients4:
        case SetId::tls_clients6: return true;
        default: return false;
    }
}

}  // namespace

void CommitOrder::plan(std::span<const Operation> operations, std::span<LeaveOut> left_out) {
    sequence_.resize(operations.size());
    std::iota(sequence_.begin(), sequence_.end(), 0U);
    sort_by_element(operations);
    removals_.clear();
    bool flushes = false;
    // From the last operation of each element to its first.
    bool superseded = false;
    for (std::size_t i = by_element_.size(); i-- > 0;) {
        const std::uint32_t index = by_element_[i];
        const Operation& operation = operations[index];
        const bool is_last =
            i + 1 == by_element_.size() || !is_of_same_element(operation, operations[by_element_[i + 1]]);
        if (is_last) superseded = false;
        if (operation.verb == Verb::flush) {
            flushes = true;
            continue;
        }
        if (superseded) left_out[index] = LeaveOut::everything;
        superseded = superseded || ends_element(operation.verb);
        if (is_last && operation.verb == Verb::remove && lets_packets_pass(operation.set)) removals_.push_back(index);
    }
    // After a flush of its set a removal would find nothing.
    if (flushes || removals_.empty()) return;
    std::sort(removals_.begin(), removals_.end());
    std::erase_if(sequence_,
                  [&](std::uint32_t index) { return std::binary_search(removals_.begin(), removals_.end(), index); });
    sequence_.insert(sequence_.end(), removals_.begin(), removals_.end());
}

void CommitOrder::sort_by_element(std::span<const Operation> operations) {
    by_element_.assign(sequence_.begin(), sequence_.end());
    std::sort(by_element_.begin(), by_element_.end(), [&](std::uint32_t left, std::uint32_t right) {
        const Operation& one = operations[left];
        const Operation& other = operations[right];
        if (one.set != other.set) return one.set < other.set;
        const auto keys = one.element.key <=> other.element.key;
        return keys != 0 ? keys < 0 : left < right;
    });
}

}  // namespace messenger::nft
