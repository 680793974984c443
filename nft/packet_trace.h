// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nft/expected.h"
#include "nft/netlink_socket.h"
#include "nft/ruleset_copy.h"

namespace messenger::nft {

/// What a rule, or the policy of a base chain, did to a traced packet.
struct TraceStep {
    enum class Verdict : std::uint8_t { goes_on, accept, drop, queue };
    std::uint32_t packet = 0;  ///< the same for the steps of one packet on one hook
    RulePlace place;           ///< handle 0: the chain's policy
    Verdict verdict = Verdict::goes_on;
    /// Number of the interface that it came by. Only a packet's first step on each hook tells; 0: this one does not.
    std::uint32_t in_interface = 0;
};

/// Follows packets with `meta nftrace set 1` through the rules of a network namespace.
class PacketTrace {
   public:
    /// socket: of that namespace. Errors: not_permitted.
    [[nodiscard]] static Expected<PacketTrace> open(NetlinkSocket socket);
    /// What has come since it was asked last, without waiting. Steps that did not fit into the buffer are missing.
    [[nodiscard]] std::vector<TraceStep> take();

   private:
    explicit PacketTrace(NetlinkSocket socket) : socket_(std::move(socket)) {}

    NetlinkSocket socket_;
};

}  // namespace messenger::nft
