// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <span>
#include <vector>

#include "nft/element.h"
#include "nft/ruleset.h"

namespace messenger::nft {

/// What passed through the pinholes of one inside endpoint.
struct Traffic {
    Counter inbound;   ///< towards the inside host
    Counter outbound;  ///< from it
    bool operator==(const Traffic&) const = default;
};

// How the numbers come about. A rule that looks an element up and then updates it runs the element's counter twice
// (measured), and the admit chain looks pinholes up once more, so a counter on the pinhole itself would tell neither
// direction nor count. Pinholes therefore carry none. Instead a packet that a pinhole let pass does one `update` of
// @received or @sent, keyed by the inside endpoint, and nothing else touches those: one packet, one count.
//
// The packet path makes these elements, so opening a pinhole costs no further element; they live on while packets come
// and time out with the silence timeout after the last one. Pinholes that share an inside endpoint (a forked call, or
// an open pinhole that the answer then pins) share the numbers. A new call on an endpoint that fell silent less than
// a timeout ago finds the old numbers: take the difference to what was read when it opened.

struct InsideEndpoint {
    Protocol protocol = Protocol::udp;
    Endpoint endpoint;
};

/// The traffic of several inside endpoints, in their order; zeros where there was none, or where the table is missing.
/// Errors: those of Ruleset::find_each.
[[nodiscard]] Expected<std::vector<Traffic>> read_traffic(Ruleset& ruleset, std::span<const InsideEndpoint> insides);

}  // namespace messenger::nft
