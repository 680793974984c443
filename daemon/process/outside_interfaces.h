// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alg/nat/nat_path.h"
#include "daemon/config/config.h"
#include "daemon/process/host_network.h"

namespace messenger::daemon {

/// How a packet passes an outside interface.
struct OutsidePath {
    alg::NatPath nat;
    std::string_view interface;  ///< borrowed from OutsideInterfaces
    bool outbound = false;       ///< it leaves by it; else it came in by it
};

/// The interfaces of [nat] with the addresses they have at the moment. Follows them by name: a PPP link that comes
/// back has another number, and often another address.
class OutsideInterfaces {
   public:
    /// An interface whose address is another one than before.
    struct Change {
        std::string interface;
        std::optional<alg::IpAddress> before;  ///< the last one that it had
        std::optional<alg::IpAddress> after;   ///< absent: the interface does not exist, or has no address
        bool exists = true;                    ///< the interface
    };

    /// Looks at nothing yet. Throws std::system_error.
    explicit OutsideInterfaces(const Config::Nat& options);

    /// Looks at the host's interfaces anew: at first, when InterfaceMonitor tells of a change, and for an unknown
    /// number. Throws std::system_error.
    void refresh();
    /// What has changed since it was asked last. Interfaces that have no address from the beginning are a change, too.
    [[nodiscard]] std::vector<Change> take_changes() { return std::exchange(changes_, {}); }

    /// For a packet with these interface numbers (0: none): the way out counts before the way in. Absent if neither is
    /// an outside interface, or it has no address.
    [[nodiscard]] std::optional<OutsidePath> find_path(std::uint32_t in, std::uint32_t out) const;
    /// True if the number was not there at the last refresh: an interface so new that its packets come before the news
    /// of it. Then refresh.
    [[nodiscard]] bool is_unknown(std::uint32_t index) const;

    /// Calls take(name) for each interface that has this address outside.
    template <class Take>
    void each_with(const alg::IpAddress& outside, Take take) const {
        for (const Interface& interface : interfaces_) {
            if (interface.outside == outside) take(std::string_view(interface.name));
        }
    }
    /// Calls take(name, outside, advertised) for each interface; outside is absent while it has no address.
    template <class Take>
    void each(Take take) const {
        for (const Interface& interface : interfaces_) {
            take(std::string_view(interface.name), interface.outside,
                 interface.advertised ? interface.advertised : interface.outside);
        }
    }
    /// True for an address that one of them had, and none has any more: what names it leads nowhere.
    [[nodiscard]] bool is_gone(const alg::IpAddress& address) const {
        return std::find(gone_.begin(), gone_.end(), address) != gone_.end();
    }
    /// False for an address that a daemon before us has known, too.
    [[nodiscard]] bool has(const alg::IpAddress& address) const {
        return std::any_of(interfaces_.begin(), interfaces_.end(),
                           [&](const Interface& one) { return one.outside == address; });
    }
    [[nodiscard]] bool empty() const { return interfaces_.empty(); }

   private:
    struct Interface {
        std::string name;
        std::uint32_t index = 0;  ///< 0: it is not there
        std::optional<alg::IpAddress> outside;
        std::optional<alg::IpAddress> last;        ///< that it had, perhaps still has
        std::optional<alg::IpAddress> given;       ///< by the operator; else that of the interface
        std::optional<alg::IpAddress> advertised;  ///< absent: the outside one
    };
    [[nodiscard]] std::optional<OutsidePath> path_of(std::uint32_t index, bool outbound) const;

    std::vector<Interface> interfaces_;
    std::vector<std::uint32_t> known_;  ///< all interfaces of this host, sorted
    std::vector<Change> changes_;       ///< not taken yet
    std::vector<alg::IpAddress> gone_;  ///< the latest first
    RouteSocket socket_;
    bool looked_ = false;
};

}  // namespace messenger::daemon
