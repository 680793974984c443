// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nft/element_message.h"
#include "nft/transaction.h"

namespace messenger::nft {

/// What of a transaction is put into its batch, and in which order. Keeps its storage, so that a warm one does not
/// allocate.
///
/// What a later removal or refresh makes void is left out. Until a transaction is committed, the kernel's hash table
/// keeps each element that it has added and removed again, all in one bucket if their key is the same, and refuses the
/// whole transaction (EBUSY) when that chain has become longer than it likes, some 16 elements.
///
/// Removals come last, for from the moment when the kernel has read one until the whole batch is committed, an `update`
/// from the packet path does not find the element, and makes another one that survives.
class CommitOrder {
   public:
    /// left_out: one for each operation; marks those that are void.
    void plan(std::span<const Operation> operations, std::span<LeaveOut> left_out);
    /// The indices of all operations, as they are to be put. Borrowed until the next plan().
    [[nodiscard]] std::span<const std::uint32_t> sequence() const { return sequence_; }

   private:
    void sort_by_element(std::span<const Operation> operations);

    std::vector<std::uint32_t> sequence_;
    std::vector<std::uint32_t> by_element_;
    std::vector<std::uint32_t> removals_;
};

}  // namespace messenger::nft
