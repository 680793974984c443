// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include <libmnl/libmnl.h>

#include "nft/batch.h"
#include "nft/element.h"
#include "nft/transaction.h"

namespace messenger::nft {

/// What of an operation a further attempt leaves out, after the kernel has refused it.
enum class LeaveOut : std::uint8_t { nothing, removal, everything };

/// NFT_MSG_DESTROYSETELEM of kernel 6.3, which is not in the headers of 6.1 that Debian 12 builds with: a removal that
/// does not mind a missing element.
inline constexpr std::uint16_t kDestroySetElement = 30;

/// Appends the messages of one operation, tagged with tag; not those of a discard. Straight through libmnl, because
/// libnftnl would allocate for each element, and this is the one place that every call passes.
void put_operation(Batch& batch, std::string_view table, const Operation& operation, LeaveOut leave_out,
                   std::size_t tag);
/// Those of Verb::discard. destroys: the kernel has kDestroySetElement; else the element is added and deleted, which
/// needs room in the set.
void put_discard(Batch& batch, std::string_view table, const Operation& operation, bool destroys, LeaveOut leave_out,
                 std::size_t tag);

/// The attributes that name one element: for NFT_MSG_GETSETELEM.
void put_element_key(nlmsghdr* message, std::string_view table, std::string_view set, const Key& key);

/// Appends the elements of an NFT_MSG_NEWSETELEM message from the kernel; those with a key that no set of ours has are
/// left out. False if it cannot be read. libnftnl would end the process at an attribute of a size that it does not
/// expect, and allocate for each element.
[[nodiscard]] bool read_elements(const nlmsghdr& message, std::vector<StoredElement>& elements);

}  // namespace messenger::nft
