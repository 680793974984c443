// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "alg/base/time.h"
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

/// What becomes of a SIP connection whose ends want to compress it. Compressed bytes cannot be read in any case.
enum class Compression : std::uint8_t {
    opaque,   ///< they may; the connection is given up with the answer that agrees, before the first compressed byte
    decline,  ///< what the request offers is made unknown to the other side; where that fails, as opaque
    pass,     ///< not looked at; the first byte that is no SIP ends the reading
};

/// For whom Messenger's fixed TCP ports are opened: 1503 (application sharing, whiteboard), 6891 to 6900 (file
/// transfer).
enum class FixedRanges : std::uint8_t {
    announced,   ///< the two hosts of a session that announces one of them
    registered,  ///< besides, every inside host, for any remote host, as long as its registration lives
    off,         ///< nobody
};

/// Static ranges for those who speak SIP over TLS, which nobody can read: while an inside host has such a connection to
/// one of the servers, the ports that its policy pins it to are open for any remote host.
struct TlsRanges {
    PrefixSet servers;  ///< empty: off
    std::uint16_t port = 5061;
    PortRange media{5350, 5353};                  ///< UDP, inside and, under NAT, outside
    Duration silence = std::chrono::minutes(10);  ///< a connection that has said nothing for so long is none
};

/// What the operator decided. A value; the engine keeps a copy.
struct Policy {
    PrefixSet inside;  ///< the hosts that are protected: pinholes lead only to them
    PrefixSet relays;  ///< inside hosts that may announce media for others (session border controllers, B2BUAs)
    std::vector<std::uint16_t> sip_ports{5060};
    bool any_sip_port = false;  ///< look at the first bytes of every flow; for captures
    PortRange media_ports{1024, 65535};
    PortRange dynamic_sip_ports{1024, 65535};    ///< where an inside host may listen for calls of its server, TCP
    std::vector<std::uint16_t> protected_ports;  ///< never opened, whatever an SDP says
    std::vector<IpAddress> protected_addresses;  ///< the gateway's own
    std::vector<IpAddress> blocked;              ///< hosts, inside or outside, for whom nothing is opened
    EarlyMedia early_media = EarlyMedia::after_answer;
    PortRange nat_ports{40'000, 49'999};  ///< outside numbers for inside ports whose own number is taken
    bool keep_numbers = true;             ///< an inside port keeps its number outside where it is free
    /// Outside numbers that no inside port gets, in ascending order: services of the gateway, and forwarded ports.
    std::vector<std::uint16_t> reserved_ports;
    PrefixSet no_rewrite;  ///< remote hosts whose messages are never edited, NAT or not
    FixedRanges fixed_ranges = FixedRanges::announced;
    Compression compression = Compression::opaque;
    TlsRanges tls;
    bool drop_malformed = false;  ///< datagrams on a SIP port that are no SIP we understand; never TCP segments
    /// Whether a TCP stream whose beginning was not seen may be taken up at a start line without a mark that says that
    /// it is SIP. Right for captures, never on a gateway (NAT Slipstreaming).
    bool take_up_any_stream = false;

    [[nodiscard]] bool blocks(const IpAddress& host) const {
        return std::find(blocked.begin(), blocked.end(), host) != blocked.end();
    }
    [[nodiscard]] bool is_sip_port(std::uint16_t port) const {
        return std::find(sip_ports.begin(), sip_ports.end(), port) != sip_ports.end();
    }
    /// Of outside numbers. Those below 1024 always are.
    [[nodiscard]] bool is_reserved(std::size_t port) const {
        return port < 1024 || std::binary_search(reserved_ports.begin(), reserved_ports.end(), port);
    }
    /// Where an inside host may send SIP from or listen for it: no well-known port but those of SIP. No packet from or
    /// to another is ever changed.
    [[nodiscard]] bool is_user_agent_port(std::uint16_t port) const { return port >= 1024 || is_sip_port(port); }
};

}  // namespace messenger::alg
