// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "alg/call/call.h"

namespace messenger::alg {

// A pinhole leads to the host that announced it, and a proxy passes on what others have said. What an outside host says
// of an inside host's ports is not that host's own word when it says it again for the same party. But its own word may
// come back to it, through a proxy outside.

/// Whether this inside host has announced the endpoint in this call, and might.
[[nodiscard]] bool has_announced(const Call& call, const IpAddress& host, const Endpoint& endpoint);

/// Whether a description that the inside host is given names ports of its own that it has not announced itself.
[[nodiscard]] bool names_listener(const Call& call, const IpAddress& listener, const Description& said,
                                  const Policy& policy);

/// Whether such a thing has been said to the inside host by the party for which it speaks now.
[[nodiscard]] bool was_told_of_itself(const Call& call, const IpAddress& speaker, Party party);

/// After permit(): the streams of the speaker's description that repeat it are permitted no more. Calls refused(stream)
/// for each.
template <class Refused>
void forbid_hearsay(const Call& call, const IpAddress& speaker, Party party, Description& said, Refused&& refused) {
    if (!was_told_of_itself(call, speaker, party)) return;
    for (Stream& stream : said.streams) {
        const bool own = stream.permitted && stream.address == speaker;
        if (!own || has_announced(call, speaker, {stream.address, stream.port})) continue;
        stream.permitted = false;
        refused(stream);
    }
}

}  // namespace messenger::alg
