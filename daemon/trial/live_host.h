// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alg/net/address.h"
#include "daemon/config/config.h"
#include "daemon/process/host_network.h"
#include "daemon/process/interfaces.h"

namespace messenger::daemon {

/// The network of the host that we run on, as far as calls through it depend on it. Only looked at.
class LiveHost {
   public:
    /// Throws std::system_error.
    LiveHost();
    /// Interfaces.
    struct WaysOut {
        std::optional<std::string> ipv4;
        std::optional<std::string> ipv6;
    };
    /// A host that looks so.
    LiveHost(std::vector<Link> links, std::vector<InterfaceAddress> addresses, WaysOut ways_out = {})
        : links_(std::move(links)), addresses_(std::move(addresses)), ways_out_(std::move(ways_out)) {}

    [[nodiscard]] const std::vector<Link>& links() const { return links_; }
    [[nodiscard]] const std::vector<InterfaceAddress>& addresses() const { return addresses_; }
    [[nodiscard]] const Link* find_link(std::string_view name) const;
    /// The first address of an interface that is seen beyond its link; absent if it has none of this family.
    [[nodiscard]] std::optional<InterfaceAddress> address_of(std::string_view interface, bool ipv6) const;
    /// Those behind which there are inside hosts, by the configuration.
    [[nodiscard]] std::vector<std::string> inside_interfaces(const Config& config) const;
    /// Where packets for the world leave; absent without a default route.
    [[nodiscard]] const std::optional<std::string>& default_interface(bool ipv6) const {
        return ipv6 ? ways_out_.ipv6 : ways_out_.ipv4;
    }

   private:
    std::vector<Link> links_;
    std::vector<InterfaceAddress> addresses_;
    WaysOut ways_out_;
};

/// The value of a setting of /proc/sys, by its name in sysctl's notation ("net.ipv4.ip_forward"), in the network
/// namespace of the calling thread. Absent if there is none, or it is no number. The part in braces may hold dots:
/// "net.ipv4.conf.{eth0.5}.rp_filter".
[[nodiscard]] std::optional<std::int64_t> read_setting(std::string_view name);
/// False if that failed.
[[nodiscard]] bool write_setting(std::string_view name, std::int64_t value);

}  // namespace messenger::daemon
