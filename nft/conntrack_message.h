// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include <libmnl/libmnl.h>

#include "nft/conntrack.h"

namespace messenger::nft {

/// What one entry with both tuples takes is below 400 bytes.
using ConntrackBuffer = std::array<char, 2048>;

/// A message of ctnetlink without attributes. type: IPCTNL_MSG_CT_*; flags: beyond NLM_F_REQUEST.
[[nodiscard]] nlmsghdr* start_conntrack_message(ConntrackBuffer& buffer, std::uint8_t type, std::uint16_t flags,
                                                std::uint8_t family);
/// One that is about the entry with this very tuple, in either of its directions. Throws std::bad_alloc.
[[nodiscard]] nlmsghdr* build_for_flow(ConntrackBuffer& buffer, std::uint8_t type, std::uint16_t flags,
                                       const FlowTuple& tuple);
/// One that gives it a new timeout. Throws std::bad_alloc.
[[nodiscard]] nlmsghdr* build_renewal(ConntrackBuffer& buffer, const FlowTuple& tuple, std::chrono::seconds timeout);
/// The one that makes the entry (see Conntrack::seed). Throws std::bad_alloc.
[[nodiscard]] nlmsghdr* build_seed(ConntrackBuffer& buffer, const FlowEntry& flow);
/// The tuple of its first packet before any NAT.
[[nodiscard]] FlowTuple wire_tuple(const FlowEntry& flow);

/// A conntrack entry as the kernel tells of it. Absent if the message is no TCP or UDP entry with addresses. Throws
/// std::bad_alloc.
[[nodiscard]] std::optional<FlowState> read_flow_state(const nlmsghdr& message);

}  // namespace messenger::nft
