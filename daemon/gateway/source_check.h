// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "alg/base/time.h"
#include "alg/net/address.h"
#include "alg/net/hash.h"

namespace messenger::daemon {

/// Tells packets with a forged inside source address, which could open pinholes to the host that they pretend to be
/// from: they come in by another interface than the one that leads to that host (strict reverse path, RFC 3704 section
/// 2.2). Done here because rp_filter is off on many gateways, and does not exist for IPv6.
class SourceCheck {
   public:
    /// The interface by which packets for a host leave; absent if none does.
    using FindInterface = std::function<std::optional<std::uint32_t>(const alg::IpAddress& host)>;

    SourceCheck(FindInterface find_interface, const alg::HashKey& secret)
        : find_interface_(std::move(find_interface)), known_(0, KeyHash{secret}) {}

    /// Interfaces that inside hosts may use whatever the routes say, such as one of two ways into the same network.
    void set_inside(std::vector<std::uint32_t> interfaces);
    /// Routes have changed.
    void forget() { known_.clear(); }

    /// source: an inside address; interface: where the packet came in, 0 if it is this host's own.
    [[nodiscard]] bool is_forged(const alg::IpAddress& source, std::uint32_t interface, alg::TimePoint now);

   private:
    struct Key {
        alg::IpAddress source;
        std::uint32_t interface = 0;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        alg::HashKey secret;
        std::size_t operator()(const Key& key) const {
            return static_cast<std::size_t>(alg::table_hash(secret, key.source)) + key.interface;
        }
    };
    struct Answer {
        bool forged = false;
        alg::TimePoint asked;
    };

    FindInterface find_interface_;
    std::vector<std::uint32_t> inside_;
    std::unordered_map<Key, Answer, KeyHash> known_;
};

}  // namespace messenger::daemon
