// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "alg/call/call.h"

namespace messenger::alg {

// A pinhole leads to the host that announced it, and a proxy passes on what others have said. What an outside host says
// of ports inside is nobody's own word when the inside host that heard it says it again: a proxy of its own ports, and
// a relay of those of any inside host. A proxy passes on also what is not believed here, so everything is heard before
// anything is decided (Signalling::hear), and remembered for as long as the call is known.
//
// But what somebody inside has announced may come back to him, through a proxy outside. And the party to whom an inside
// host speaks does not have its own words said to it: where that names the same endpoint, it is that of another host,
// in a private network of its own.

/// An inside host that speaks in a dialog.
struct Voice {
    IpAddress host;
    Tag speaks_for = 0;
    Tag speaks_to = 0;  ///< 0 before anybody has answered
};
[[nodiscard]] Voice voice_of(const IpAddress& host, const Dialog& dialog, Party party);

/// Whether the host has been told of that endpoint, as of something of which it must not speak so.
[[nodiscard]] bool has_been_told(const Call& call, const Voice& voice, const Endpoint& endpoint);

/// The same for where media or a file are to come to: unless somebody inside has announced it, and might.
[[nodiscard]] bool is_hearsay(const Call& call, const Voice& voice, const Endpoint& endpoint);

/// After permit(): the streams of the speaker's description with a port that it has by hearsay are permitted no more.
/// Calls refused(stream, port) for each.
template <class Refused>
void forbid_hearsay(const Call& call, const Voice& voice, Description& said, Refused&& refused) {
    for (Stream& stream : said.streams) {
        if (!stream.permitted || stream.address.is_unspecified()) continue;
        for (const StreamPort& port : stream_ports(stream, false)) {
            if (!is_hearsay(call, voice, endpoint_of(stream, port))) continue;
            stream.permitted = false;
            refused(stream, port.port);
            break;
        }
    }
}

}  // namespace messenger::alg
