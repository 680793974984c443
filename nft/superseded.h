// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nft/element_message.h"
#include "nft/transaction.h"

namespace messenger::nft {

/// Leaves out what a later removal or refresh in the same transaction makes void. Until a transaction is committed, the
/// kernel's hash table keeps each element that it has added and removed again, all in one bucket if their key is the
/// same, and refuses the whole transaction (EBUSY) when that chain has become longer than it likes, some 16 elements.
/// left_out: one for each operation. order: working memory, kept by the caller so that a warm one does not allocate.
void leave_out_superseded(std::span<const Operation> operations, std::span<LeaveOut> left_out,
                          std::vector<std::uint32_t>& order);

}  // namespace messenger::nft
