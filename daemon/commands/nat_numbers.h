// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "alg/net/address.h"
#include "daemon/commands/daemon_parts.h"

namespace messenger::daemon {

/// Ports of an outside address. A number that an inside host keeps may lie outside of nat.media_ports.
struct PortNumbers {
    std::size_t used = 0;
    std::size_t lingering = 0;  ///< nobody holds them, and they are not given to others yet
    std::size_t free = 0;       ///< of nat.media_ports
};

/// An interface of [nat].
struct OutsideNumbers {
    std::string interface;
    std::optional<alg::IpAddress> address;     ///< absent: it has none at the moment
    std::optional<alg::IpAddress> advertised;  ///< what messages name
    PortNumbers udp;
    PortNumbers tcp;
};

[[nodiscard]] std::vector<OutsideNumbers> outside_numbers(const DaemonParts& parts);

}  // namespace messenger::daemon
