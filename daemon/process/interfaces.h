// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <span>
#include <string>
#include <vector>

#include "alg/net/address.h"
#include "daemon/process/fd.h"

namespace messenger::daemon {

/// One address of this host.
struct InterfaceAddress {
    std::string interface;
    alg::IpAddress address;
    alg::Prefix network;

    [[nodiscard]] bool operator==(const InterfaceAddress&) const = default;
};

/// All addresses of this host as they are now, link-local ones included. Throws std::system_error.
[[nodiscard]] std::vector<InterfaceAddress> list_interface_addresses();

struct InterfaceNetworks {
    std::vector<alg::Prefix> networks;  ///< each once
    std::vector<std::string> missing;   ///< interfaces that have no address, or do not exist
};

/// The networks behind the named interfaces. IPv6 link-local ones are left out: they are the same everywhere and are
/// not forwarded.
[[nodiscard]] InterfaceNetworks find_networks(std::span<const InterfaceAddress> addresses,
                                              std::span<const std::string> interfaces);

/// Tells when links, addresses and IPv4 default routes change.
class InterfaceMonitor {
   public:
    /// Throws std::system_error.
    InterfaceMonitor();

    /// Readable after a change.
    [[nodiscard]] int fd() const { return socket_.get(); }
    /// Reads what has been reported, without blocking. True if something may have changed, which includes reports that
    /// were lost; then list the addresses anew.
    [[nodiscard]] bool take_changes();

   private:
    Fd socket_;
};

}  // namespace messenger::daemon
