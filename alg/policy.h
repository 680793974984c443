// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "alg/net/address.h"

namespace messenger::alg {

/// Both ends belong to it.
struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    [[nodiscard]] bool contains(std::uint16_t port) const { return port >= first && port <= last; }
};

/// When the media of a call may come in that nobody has answered yet.
enum class EarlyMedia : std::uint8_t {
    after_answer,  ///< not before a description of the peer's (183 or 200) has named the remote address
    after_offer,   ///< from anywhere, as soon as an inside host has made an offer
};

/// What the operator decided. A value; the engine keeps a copy.
struct Policy {
    PrefixSet inside;  ///< the hosts that are protected: pinholes lead only to them
    PrefixSet relays;  ///< inside hosts that may announce media for others (session border controllers, B2BUAs)
    std::vector<std::uint16_t> sip_ports{5060};
    bool any_sip_port = false;  ///< look at the first bytes of every flow; for captures
    PortRange media_ports{1024, 65535};
    std::vector<std::uint16_t> protected_ports;  ///< never opened, whatever an SDP says
    std::vector<IpAddress> protected_addresses;  ///< the gateway's own
    EarlyMedia early_media = EarlyMedia::after_answer;
    bool drop_malformed = false;  ///< datagrams on a SIP port that are no SIP we understand; never TCP segments
    /// Whether a TCP stream whose beginning was not seen may be taken up at a start line without a mark that says that
    /// it is SIP. Right for captures, never on a gateway (NAT Slipstreaming).
    bool take_up_any_stream = false;
};

}  // namespace messenger::alg
