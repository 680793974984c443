// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/hearsay.h"

#include <algorithm>

namespace messenger::alg {

namespace {

[[nodiscard]] bool announces(const Description& local, const Endpoint& endpoint) {
    return std::any_of(local.streams.begin(), local.streams.end(), [&endpoint](const Stream& stream) {
        return stream.permitted && stream.port == endpoint.port && stream.address == endpoint.address;
    });
}

[[nodiscard]] bool has_announced(const OfferAnswer& negotiation, const Endpoint& endpoint) {
    if (announces(negotiation.agreed().local, endpoint)) return true;
    for (const Party requester : {Party::caller, Party::callee}) {
        const auto pending = negotiation.pending(requester);
        if (pending && announces(pending->local, endpoint)) return true;
    }
    return false;
}

}  // namespace

bool has_announced(const Call& call, const IpAddress& host, const Endpoint& endpoint) {
    return std::any_of(call.dialogs.begin(), call.dialogs.end(), [&](const Dialog& dialog) {
        return dialog.alive() && std::any_of(dialog.agents.begin(), dialog.agents.end(), [&](const Agent& agent) {
                   return agent.host == host && has_announced(agent.negotiation, endpoint);
               });
    });
}

bool names_listener(const Call& call, const IpAddress& listener, const Description& said, const Policy& policy) {
    return std::any_of(said.streams.begin(), said.streams.end(), [&](const Stream& stream) {
        const bool could_open = stream.port != 0 && !stream.obstacle && stream.address == listener &&
                                !port_obstacle(stream.port, stream.role, policy);
        return could_open && !has_announced(call, listener, {stream.address, stream.port});
    });
}

bool was_told_of_itself(const Call& call, const IpAddress& speaker, Party party) {
    return std::any_of(call.dialogs.begin(), call.dialogs.end(), [&](const Dialog& dialog) {
        return dialog.alive() && std::any_of(dialog.agents.begin(), dialog.agents.end(), [&](const Agent& agent) {
                   return agent.told_of_itself && agent.host == speaker && agent.acts_for == other(party);
               });
    });
}

}  // namespace messenger::alg
