// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "alg/net/address.h"
#include "nft/ruleset.h"

namespace messenger::daemon {

/// The inside hosts that something may be opened to, by what the kernel says: the packet path itself has heard
/// signalling from them (sets heard4/6), or something is open to them already. The warden reads no messages, so this is
/// what it knows of who has asked; nobody can put such an element there through it.
class HeardHosts {
   public:
    /// Of any more than that, none: whoever asks can have all forgotten and ask anew.
    static constexpr std::size_t kMostHosts = 65'536;

    /// Borrowed: a ruleset that asks on a socket of the warden's own, or the answers would be the daemon's to read.
    explicit HeardHosts(nft::Ruleset& ruleset, std::size_t most = kMostHosts) : ruleset_(ruleset), most_(most) {}

    /// Looks into the sets at once, and remembers the hosts that it finds. For each place, whether its host is one of
    /// them now. A kernel that does not answer has heard nobody.
    [[nodiscard]] std::vector<bool> look(std::span<const nft::Place> places);
    void forget_all() { hosts_.clear(); }

    [[nodiscard]] bool contains(const alg::IpAddress& host) const { return hosts_.contains(host); }

   private:
    nft::Ruleset& ruleset_;
    std::size_t most_;
    std::set<alg::IpAddress> hosts_;
};

/// Whose a place is that shows that somebody has spoken. Absent for places that show nothing.
[[nodiscard]] std::optional<alg::IpAddress> host_at(const nft::Place& place);

}  // namespace messenger::daemon
