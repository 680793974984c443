// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include "alg/net/address.h"
#include "alg/net/hash.h"
#include "daemon/warden/heard_hosts.h"
#include "nft/element.h"

namespace messenger::daemon {

/// The inside hosts that the warden lets us open something to, because the packet path has heard them. Asked for once,
/// with the first packet, so that a call costs no question.
class KnownHosts {
   public:
    /// For each place, whether its host is known to the warden from now on.
    using Ask = std::function<std::vector<bool>(std::span<const nft::Place>)>;
    using ForgetAll = std::function<void()>;

    KnownHosts(Ask ask, ForgetAll forget_all, const alg::HashKey& secret, std::size_t most = HeardHosts::kMostHosts)
        : ask_(std::move(ask)), forget_all_(std::move(forget_all)), most_(most), hosts_(0, Hash{secret}) {}

    [[nodiscard]] bool knows(const alg::IpAddress& host) const { return hosts_.contains(host); }
    /// Asks for hosts of which a packet has just been read. Those that the warden knows now.
    std::vector<alg::IpAddress> learn(std::span<const alg::IpAddress> hosts);
    /// Asks for the hosts of these places: what a daemon before us has opened, or what is open now.
    void recall(std::span<const nft::Place> places);
    /// No more can be remembered: forget() and recall() what is still of use.
    [[nodiscard]] bool is_full() const { return hosts_.size() >= most_; }
    void forget();

   private:
    struct Hash {
        alg::HashKey secret;
        [[nodiscard]] std::size_t operator()(const alg::IpAddress& host) const {
            return static_cast<std::size_t>(alg::table_hash(secret, host));
        }
    };

    Ask ask_;
    ForgetAll forget_all_;
    std::size_t most_;
    std::unordered_set<alg::IpAddress, Hash> hosts_;
};

}  // namespace messenger::daemon
