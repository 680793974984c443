// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/journal/one_way.h"

#include <algorithm>

namespace messenger::daemon {

namespace {

/// Packets come every 20 or 30 ms; looks come every second, or less often on a busy gateway.
constexpr alg::Duration kStillFlowing = std::chrono::milliseconds(2500);

[[nodiscard]] bool sends(alg::MediaDirection direction) {
    return direction == alg::MediaDirection::sendrecv || direction == alg::MediaDirection::sendonly;
}

[[nodiscard]] bool receives(alg::MediaDirection direction) {
    return direction == alg::MediaDirection::sendrecv || direction == alg::MediaDirection::recvonly;
}

}  // namespace

std::string_view name(SilentSide side) {
    return side == SilentSide::inside ? "inside" : "peer";
}

std::string_view name(SilenceCause cause) {
    switch (cause) {
        case SilenceCause::nothing_sent: return "nothing_sent";
        case SilenceCause::muted: return "muted";
        case SilenceCause::went_silent: return "went_silent";
        case SilenceCause::private_address: return "private_address";
        case SilenceCause::firewall: return "firewall";
    }
    return "nothing_sent";
}

std::string_view describe(SilentSide side, SilenceCause cause) {
    const bool inside = side == SilentSide::inside;
    switch (cause) {
        case SilenceCause::nothing_sent:
            return inside
                       ? "the inside host has sent nothing: its microphone or its own firewall, or it sends elsewhere"
                       : "nothing has come from the peer: it sends nothing, from another address than its SDP names, "
                         "or a firewall before this gateway drops it";
        case SilenceCause::muted:
            return inside ? "the inside host sends RTCP but no sound: it is muted, or suppresses silence"
                          : "the peer sends RTCP but no sound: it is muted, or suppresses silence";
        case SilenceCause::went_silent:
            return inside ? "the inside host has ceased to send: it is muted, suppresses silence, or is gone"
                          : "the peer has ceased to send: it is muted, suppresses silence, or is gone";
        case SilenceCause::private_address:
            return inside
                       ? "the peer's SDP names a private address, so the inside host sends to one that is not "
                         "reachable: the peer's NAT or its SIP server must announce a public one"
                       : "the peer's SDP names a private address: what is sent there does not reach it, and many "
                         "clients wait for the other's packets; its NAT or its SIP server must announce a public one";
        case SilenceCause::firewall:
            return "the peer's packets come as far as this gateway's own firewall, which drops them: with passage.mode "
                   "= \"mark\" it needs a rule that accepts the mark";
    }
    return "";
}

ExpectedWays expected_ways(const alg::Call& call, const alg::Endpoint& inside) {
    for (const alg::Dialog& dialog : call.dialogs) {
        if (!dialog.alive()) continue;
        for (const alg::Agent& agent : dialog.agents) {
            if (!agent.negotiation.has_agreed()) continue;
            const auto& [local, remote] = agent.negotiation.agreed();
            const auto ours =
                std::find_if(local.streams.begin(), local.streams.end(), [&inside](const alg::Stream& stream) {
                    return stream.port == inside.port && stream.address == inside.address;
                });
            if (ours == local.streams.end()) continue;
            const auto theirs = std::find_if(remote.streams.begin(), remote.streams.end(),
                                             [ours](const alg::Stream& stream) { return stream.slot == ours->slot; });
            if (theirs == remote.streams.end()) continue;
            return {receives(ours->direction) && sends(theirs->direction),
                    sends(ours->direction) && receives(theirs->direction)};
        }
    }
    return {};
}

OneWayChange follow(OneWayState& state, alg::TimePoint now, alg::Duration patience) {
    const auto flows = [now](const std::optional<alg::TimePoint>& last) { return last && now - *last < kStillFlowing; };
    const bool in = flows(state.last_in);
    const bool out = flows(state.last_out);
    if (in == out) {
        state.alone_since.reset();
        if (!state.reported) return OneWayChange::none;
        state.reported.reset();
        return OneWayChange::ended;
    }
    const SilentSide silent = in ? SilentSide::inside : SilentSide::peer;
    if (!state.alone_since || state.silent != silent) {
        // It may have been alone before this look: the silence counts from the other's last packet.
        state.alone_since = (in ? state.last_out : state.last_in).value_or(now);
        state.silent = silent;
    }
    if (state.reported && state.reported->silent != silent) {
        state.reported.reset();
        return OneWayChange::ended;
    }
    if (state.reported || now - *state.alone_since < patience) return OneWayChange::none;
    return OneWayChange::began;
}

}  // namespace messenger::daemon
