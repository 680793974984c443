// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/hearsay.h"

#include <algorithm>

namespace messenger::alg {

namespace {

constexpr std::size_t kMaxHeard = 32;  // of an agent; an ordinary description names two for each stream

[[nodiscard]] bool announces(const Description& local, const Endpoint& endpoint) {
    return std::any_of(local.streams.begin(), local.streams.end(), [&endpoint](const Stream& stream) {
        if (!stream.permitted) return false;
        const StreamPorts ports = stream_ports(stream, false);
        return std::any_of(ports.begin(), ports.end(),
                           [&](const StreamPort& port) { return endpoint_of(stream, port) == endpoint; });
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

/// Whether somebody inside has announced the endpoint in this call, and might.
[[nodiscard]] bool has_announced(const Call& call, const Endpoint& endpoint) {
    return std::any_of(call.dialogs.begin(), call.dialogs.end(), [&](const Dialog& dialog) {
        return dialog.alive() && std::any_of(dialog.agents.begin(), dialog.agents.end(), [&](const Agent& agent) {
                   return has_announced(agent.negotiation, endpoint);
               });
    });
}

[[nodiscard]] bool has_heard(const Agent& agent, const Endpoint& endpoint) {
    return agent.heard_too_much || std::find(agent.heard.begin(), agent.heard.end(), endpoint) != agent.heard.end();
}

}  // namespace

bool may_repeat(const IpAddress& listener, const IpAddress& said, const Policy& policy) {
    return said == listener || (policy.relays.contains(listener) && policy.inside.contains(said));
}

void hear(const Call& call, Agent& listener, const Endpoint& said) {
    if (has_heard(listener, said) || has_announced(call, said)) return;
    if (listener.heard.size() < kMaxHeard) {
        listener.heard.push_back(said);
    } else {
        listener.heard_too_much = true;
    }
}

void hear(const Call& call, Agent& listener, const Description& said, const Policy& policy) {
    for (const Stream& stream : said.streams) {
        if (stream.port == 0 || stream.obstacle) continue;
        for (const StreamPort& port : stream_ports(stream, false)) {
            const Endpoint endpoint = endpoint_of(stream, port);
            if (!may_repeat(listener.host, endpoint.address, policy)) continue;
            if (!port_obstacle(port.port, port.role, policy)) hear(call, listener, endpoint);
        }
    }
}

bool is_hearsay(const Call& call, const IpAddress& speaker, Party party, const Endpoint& endpoint) {
    const bool heard = std::any_of(call.dialogs.begin(), call.dialogs.end(), [&](const Dialog& dialog) {
        return dialog.alive() && std::any_of(dialog.agents.begin(), dialog.agents.end(), [&](const Agent& agent) {
                   return agent.host == speaker && agent.acts_for == other(party) && has_heard(agent, endpoint);
               });
    });
    return heard && !has_announced(call, endpoint);
}

}  // namespace messenger::alg
