// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace messenger::daemon {

/// Whether the bytes of one send are verdicts as VerdictBatch writes them and nothing else: accept or drop, on one of
/// these queues, with a mark or with other bytes at most. Other messages of this subsystem could bind queues, hand
/// packets on to other programs, or change conntrack entries. Aligned like nlmsghdr.
[[nodiscard]] bool holds_only_verdicts(std::span<const std::byte> request, std::span<const std::uint16_t> queues);

}  // namespace messenger::daemon
