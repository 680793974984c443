// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <libmnl/libmnl.h>

#include "nft/element.h"
#include "nft/expected.h"
#include "nft/netlink_socket.h"
#include "nft/set_spec.h"

namespace messenger::nft {

/// Whether a notification tells of a change to our table, whoever made it.
[[nodiscard]] bool concerns_our_table(const nlmsghdr& message);

/// The generation of the rules of this network namespace: another number after each transaction of anybody, in any
/// table. What the packet path itself adds to sets, and what times out, does not change it. Not the same after a
/// reboot, or in another namespace.
[[nodiscard]] Expected<std::uint32_t> read_generation(NetlinkSocket& socket);

/// Tells when somebody else changes our table (`nft flush ruleset`, a firewall that reloads), by NFNLGRP_NFTABLES.
class RulesetWatch {
   public:
    /// own: the portids of KernelRuleset and Schema, at most 8. A filter on the socket drops what they caused before it
    /// is queued, so that our own commits wake nobody.
    [[nodiscard]] static Expected<RulesetWatch> open(NetlinkSocket socket, std::span<const std::uint32_t> own);

    /// What somebody else has taken out of our sets.
    struct Removals {
        std::vector<Place> elements;
        bool unknown = false;  ///< there may be others: notifications were lost, or more than kMostRemovals came
    };
    static constexpr std::size_t kMostRemovals = 1024;

    /// Readable when there is something to look at.
    [[nodiscard]] int fd() const { return socket_.fd(); }
    /// Reads all that waits. True if somebody else may have changed our table: ask Schema::verify. Also true when
    /// notifications were lost. Does not block.
    [[nodiscard]] bool changed();
    enum class Additions : std::uint8_t {
        none,
        unknown,  ///< there may be some: notifications were lost
        seen
    };
    /// Whether somebody else has put elements into our sets since this was asked last. (The packet path's own elements
    /// are not told.)
    [[nodiscard]] Additions take_additions() { return std::exchange(additions_, Additions::none); }
    /// Since this was asked last.
    [[nodiscard]] Removals take_removals() { return std::exchange(removals_, {}); }

   private:
    explicit RulesetWatch(NetlinkSocket socket) : socket_(std::move(socket)) {}
    void note_removal(const nlmsghdr& message);

    NetlinkSocket socket_;
    Additions additions_ = Additions::none;
    Removals removals_;
};

}  // namespace messenger::nft
