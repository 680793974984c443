// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <optional>

#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

#include "nft/conntrack.h"
#include "nft/handle.h"

namespace messenger::nft {

using ConntrackHandle = std::unique_ptr<nf_conntrack, VoidDeleter<nfct_destroy>>;

/// An empty entry. Throws std::bad_alloc.
[[nodiscard]] ConntrackHandle make_conntrack_entry();

/// A conntrack entry as the kernel tells of it. Absent if the message is no TCP or UDP entry with addresses.
[[nodiscard]] std::optional<FlowState> read_flow_state(const nlmsghdr& message);

}  // namespace messenger::nft
