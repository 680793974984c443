// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace messenger::daemon {

/// The ports at which a table of sockets (/proc/net/udp and the like) shows somebody who waits for strangers: bound and
/// not connected, and not to the loopback alone. Lines that are not understood are left out.
[[nodiscard]] std::vector<std::uint16_t> read_bound_ports(std::string_view table);

/// Those of this host, of IPv4 and IPv6, sorted and each once. Over TCP a service listens; a UDP socket may also be
/// that of one question, as a resolver asks, and gone in a moment.
struct BoundPorts {
    std::vector<std::uint16_t> udp;
    std::vector<std::uint16_t> tcp;
};
/// Absent if the system does not show them.
[[nodiscard]] std::optional<BoundPorts> list_bound_ports();

}  // namespace messenger::daemon
