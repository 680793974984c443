// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <libmnl/libmnl.h>

#include "nft/conntrack.h"
#include "nft/transaction.h"

namespace messenger::nft {

// The messages that this library writes, read back, by whoever has to judge them before they go to the kernel. Strict:
// what put_operation() and Conntrack would not write is absent, for nobody could say what it means.

/// What follows the header of a netfilter message. Absent if it is too short for one, or not of this family.
[[nodiscard]] std::optional<std::span<const std::byte>> attributes_of(const nlmsghdr& message, std::uint8_t family);

/// NFT_MSG_NEWSETELEM in our table, as Verb::add, NFT_MSG_DELSETELEM, as Verb::remove or Verb::flush, and
/// NFT_MSG_DESTROYSETELEM, as Verb::discard.
[[nodiscard]] std::optional<Operation> read_operation(const nlmsghdr& message);

/// IPCTNL_MSG_CT_NEW with NLM_F_CREATE, as Conntrack::seed() writes it.
[[nodiscard]] std::optional<FlowEntry> read_seed(const nlmsghdr& message);
/// IPCTNL_MSG_CT_NEW without, as Conntrack::set_liberal() writes it; IPCTNL_MSG_CT_GET or _DELETE of one entry: which.
[[nodiscard]] std::optional<FlowTuple> read_liberal(const nlmsghdr& message);
/// The same as Conntrack::renew_established() writes it.
[[nodiscard]] std::optional<FlowTuple> read_renewal(const nlmsghdr& message);
[[nodiscard]] std::optional<FlowTuple> read_named_flow(const nlmsghdr& message);

}  // namespace messenger::nft
