// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "alg/call/call.h"

namespace messenger::alg {

// A pinhole leads to the host that announced it, and a proxy passes on what others have said. What an outside host says
// of ports inside is nobody's own word when the inside host that heard it says it again for the same party: a proxy of
// its own ports, and a relay of those of any inside host. But what somebody inside has announced may come back to it,
// through a proxy outside. And a peer's NAT may use the proxy's own address, so that other ports than those that were
// said are the proxy's own word.

/// Whether this inside host may announce the address, if it hears it.
[[nodiscard]] bool may_repeat(const IpAddress& listener, const IpAddress& said, const Policy& policy);

/// The inside host is told of an endpoint inside by somebody outside.
void hear(const Call& call, Agent& listener, const Endpoint& said);
/// The same for all ports that a session description would open.
void hear(const Call& call, Agent& listener, const Description& said, const Policy& policy);

/// Whether that has been said to the inside host by the party for which it speaks now.
[[nodiscard]] bool is_hearsay(const Call& call, const IpAddress& speaker, Party party, const Endpoint& endpoint);

/// After permit(): the streams of the speaker's description with a port that it has by hearsay are permitted no more.
/// Calls refused(stream, port) for each.
template <class Refused>
void forbid_hearsay(const Call& call, const IpAddress& speaker, Party party, Description& said, Refused&& refused) {
    for (Stream& stream : said.streams) {
        if (!stream.permitted || stream.address.is_unspecified()) continue;
        for (const StreamPort& port : stream_ports(stream, false)) {
            if (!is_hearsay(call, speaker, party, endpoint_of(stream, port))) continue;
            stream.permitted = false;
            refused(stream, port.port);
            break;
        }
    }
}

}  // namespace messenger::alg
