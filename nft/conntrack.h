// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "nft/address.h"
#include "nft/expected.h"
#include "nft/netlink_socket.h"

namespace messenger::nft {

/// A conntrack entry as we make it, without NAT.
struct FlowEntry {
    FlowTuple original;               ///< the direction of the packet that is expected first
    std::uint32_t mark = 0;           ///< all 32 bits of the entry's mark
    std::chrono::seconds timeout{0};  ///< until the first packet; then conntrack's own timeouts hold
};

/// A conntrack entry as the kernel has it.
struct FlowState {
    FlowTuple original;
    std::uint32_t mark = 0;
    std::uint32_t status = 0;         ///< IPS_* bits
    std::chrono::seconds timeout{0};  ///< what is left
};

enum class Seeded : std::uint8_t { created, already_there };

/// Conntrack entries through ctnetlink. Not for two threads at once.
class Conntrack {
   public:
    explicit Conntrack(NetlinkSocket socket) : socket_(std::move(socket)) {}

    /// Makes the entry so that the very first packet of either direction is `established`: status SEEN_REPLY (UDP also
    /// ASSURED, so that it is not the first to go when the table is full), TCP in SYN_SENT, so that the SYN which comes
    /// is the one conntrack waits for (measured: such a packet passes `ct state established accept`).
    /// already_there: an entry of this tuple, in either direction, exists and is not changed.
    [[nodiscard]] Expected<Seeded> seed(const FlowEntry& entry);
    /// Removes the entry of this tuple, given in either direction. False if there was none.
    [[nodiscard]] Expected<bool> remove(const FlowTuple& tuple);
    /// The entry of this tuple, given in either direction.
    [[nodiscard]] Expected<std::optional<FlowState>> find(const FlowTuple& tuple);
    /// Changes the bits of mask in the mark of an entry, given in either direction. False if there is none.
    [[nodiscard]] Expected<bool> set_mark(const FlowTuple& tuple, std::uint32_t value, std::uint32_t mask);
    /// All TCP and UDP entries whose mark has value in the bits of mask: after a restart, the flows that are ours.
    [[nodiscard]] Expected<std::vector<FlowState>> list(std::uint32_t value, std::uint32_t mask);

   private:
    NetlinkSocket socket_;
};

}  // namespace messenger::nft
