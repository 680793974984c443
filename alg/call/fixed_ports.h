// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "alg/call/description.h"
#include "alg/net/t120_port.h"
#include "alg/net/tuple.h"
#include "alg/plan.h"
#include "alg/policy.h"

namespace messenger::alg {

/// Messenger's ports for file transfers, which no client can move (KB 903056); T.120's is kT120Port.
inline constexpr PortRange kFixedFilePorts{6891, 6900};

/// An inside host whose fixed ports are open for any remote host, announced or not.
struct FixedHost {
    IpAddress host;
    IpAddress behind;    ///< see Description::behind
    bool media = false;  ///< the media range of the policy, too: its messages cannot be read (TLS)
};

/// What stands in place of a Call-ID for the call of such a host. tls: with media.
[[nodiscard]] std::string fixed_key_of(bool tls, const IpAddress& host);

/// Calls found(transport, port, purpose) for every such port that may be opened at all (rule 2).
template <class Found>
void each_fixed_port(const FixedHost& fixed, const Policy& policy, Found&& found) {
    const auto give = [&](Transport transport, std::uint16_t port, Purpose purpose) {
        if (!port_obstacle(port, purpose.role, policy)) found(transport, port, purpose);
    };
    const auto give_all = [&](Transport transport, PortRange range, Purpose purpose) {
        for (unsigned port = range.first; port <= range.last; ++port) {
            give(transport, static_cast<std::uint16_t>(port), purpose);
        }
    };
    if (fixed.media) give_all(Transport::udp, policy.tls.media, {MediaKind::other, PortRole::udp});
    give(Transport::tcp, kT120Port, {MediaKind::application, PortRole::t120});
    give_all(Transport::tcp, kFixedFilePorts, {MediaKind::application, PortRole::file});
}

}  // namespace messenger::alg
