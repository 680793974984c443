// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/planner.h"

#include <algorithm>

namespace messenger::alg {

namespace {

/// Whether the inside host expects nothing to come in: then silence is no sign of death (RFC 3264 section 8.4).
[[nodiscard]] bool on_hold(const Stream& local, const Stream& remote) {
    const auto deaf = [](MediaDirection d) { return d == MediaDirection::sendonly || d == MediaDirection::inactive; };
    const auto mute = [](MediaDirection d) { return d == MediaDirection::recvonly || d == MediaDirection::inactive; };
    return deaf(local.direction) || mute(remote.direction);
}

[[nodiscard]] bool opens(const Stream& stream) {
    return stream.permitted && !stream.obstacle && stream.port != 0 && !stream.address.is_unspecified();
}

/// The other end of one of local's ports, where offer and answer say it exactly; 0 where they do not.
[[nodiscard]] std::uint16_t remote_port(const Stream& local, const Stream& remote, const StreamPort& port) {
    if (port.port == local.port) return remote.port;
    const bool first_rtcp = port.port == (local.rtcp_port != 0 ? local.rtcp_port : local.port + 1);
    if (port.role != PortRole::rtcp || !first_rtcp) return 0;
    if (remote.rtcp_port != 0) return remote.rtcp_port;
    return remote.port < UINT16_MAX ? static_cast<std::uint16_t>(remote.port + 1) : std::uint16_t{0};
}

/// Whether somebody has answered what this agent offered, in any branch of the same INVITE.
[[nodiscard]] bool has_answer(const Call& call, Tag caller, const Agent& offerer) {
    return std::any_of(call.dialogs.begin(), call.dialogs.end(), [&](const Dialog& dialog) {
        return dialog.alive() && dialog.caller_tag == caller &&
               std::any_of(dialog.agents.begin(), dialog.agents.end(), [&](const Agent& agent) {
                   return agent.host == offerer.host && agent.acts_for == offerer.acts_for &&
                          agent.negotiation.has_answer();
               });
    });
}

}  // namespace

void Planner::apply(Call& call, CloseReason reason, TimePoint now, const FlowTuple& asked, Plan& plan) {
    withdraw(call, reason, now, plan);
    if (left_out_) refuse(call, 0, asked, plan);
    for (const Wanted& wanted : wanted_) {
        const auto has = [&wanted](const OpenPinhole& known) { return known.key == wanted.pinhole.key; };
        if (std::none_of(call.open.begin(), call.open.end(), has)) open(call, wanted, now, asked, plan);
    }
}

void Planner::withdraw(Call& call, CloseReason reason, TimePoint now, Plan& plan) {
    collect(call);
    const auto wants = [this](const PinholeKey& key) {
        return std::find_if(wanted_.begin(), wanted_.end(),
                            [&key](const Wanted& wanted) { return wanted.pinhole.key == key; });
    };
    for (auto at = call.open.begin(); at != call.open.end();) {
        const auto wanted = wants(at->key);
        if (wanted == wanted_.end()) {
            close(call, *at, reason, plan);
            at = call.open.erase(at);
            continue;
        }
        keep(call, *at, *wanted, now, plan);
        ++at;
    }
}

void Planner::expired(const PinholeKey& key, CallTable& calls, Plan& plan) {
    const PinholeTable::Pinhole* pinhole = pinholes_.find(key);
    if (pinhole == nullptr) return;
    const auto holders = pinhole->calls;  // a copy: release() changes the table
    bool forgotten = false;
    for (const std::uint64_t holder : holders) {
        Call* call = calls.find(holder);
        pinholes_.release(key, holder);
        if (call == nullptr) continue;
        const auto at = std::find_if(call->open.begin(), call->open.end(),
                                     [&key](const OpenPinhole& known) { return known.key == key; });
        if (at == call->open.end()) continue;
        if (!forgotten) {
            plan.changes.push_back({PinholeChange::Kind::forget, key, at->purpose, {}, call->label()});
            forgotten = true;
        }
        plan.events.emplace_back(CloseEvent{key, at->purpose, CloseReason::timeout, call->id()});
        for (Dialog& dialog : call->dialogs) {
            auto& restored = dialog.restored;
            restored.erase(std::remove(restored.begin(), restored.end(), key), restored.end());
            for (Transfer& transfer : dialog.transfers) {
                if (transfer.listener == key.inside) transfer.listener.reset();  // it waits no longer
            }
        }
        call->open.erase(at);
    }
}

void Planner::collect(const Call& call) {
    wanted_.clear();
    left_out_ = false;
    for (const Dialog& dialog : call.dialogs) {
        if (!dialog.alive()) continue;
        for (const Agent& agent : dialog.agents) collect_agent(call, dialog, agent);
        for (const Transfer& transfer : dialog.transfers) {
            if (!transfer.listener) continue;
            Wanted wanted;
            wanted.pinhole.purpose = {MediaKind::application, PortRole::file};
            wanted.pinhole.key = {Transport::tcp, transfer.peer.is_unspecified(), *transfer.listener, transfer.peer};
            want(wanted);
        }
        for (const PinholeKey& key : dialog.restored) {
            Wanted wanted;
            wanted.pinhole.key = key;
            if (const auto* known = pinholes_.find(key)) wanted.pinhole.purpose = known->purpose;
            want(wanted);
        }
    }
}

void Planner::collect_agent(const Call& call, const Dialog& dialog, const Agent& agent) {
    const OfferAnswer& negotiation = agent.negotiation;
    // Security rule 4: from anywhere only as long as no branch has named a remote address.
    const bool anywhere = policy_.early_media == EarlyMedia::after_offer && !has_answer(call, dialog.caller_tag, agent);
    if (negotiation.has_agreed()) {
        collect_pair(call, {negotiation.agreed().local, negotiation.agreed().remote}, false);
    }
    for (const Party requester : {Party::caller, Party::callee}) {
        if (const auto pending = negotiation.pending(requester)) collect_pair(call, *pending, anywhere);
    }
}

void Planner::collect_pair(const Call& call, const OfferAnswer::PairView& pair, bool anywhere) {
    for (const Stream& local : pair.local.streams) {
        if (!opens(local)) continue;
        if (pair.remote.empty() && anywhere) collect_stream(call, local, nullptr, pair.remote);
        // A multipart body has several alternatives for one slot, some of them perhaps with port 0.
        for (const Stream& remote : pair.remote.streams) {
            const bool usable = remote.port != 0 && !remote.obstacle && !remote.address.is_unspecified() &&
                                remote.address.family() == local.address.family();
            if (remote.slot == local.slot && usable) collect_stream(call, local, &remote, pair.remote);
        }
    }
}

void Planner::collect_stream(const Call& call, const Stream& local, const Stream* remote,
                             const Description& remote_side) {
    for (const StreamPort& port : stream_ports(local, local.rtcp_mux && remote != nullptr && remote->rtcp_mux)) {
        if (port_obstacle(port.port, port.role, policy_)) continue;
        const bool rtcp = port.role == PortRole::rtcp;
        Wanted wanted;
        OpenPinhole& pinhole = wanted.pinhole;
        pinhole.purpose = {local.kind, port.role};
        pinhole.key.transport = local.role == PortRole::t120 ? Transport::tcp : Transport::udp;
        pinhole.key.inside = {rtcp ? local.rtcp_address : local.address, port.port};
        if (remote == nullptr) {
            pinhole.key.any_remote = true;
        } else {
            pinhole.on_hold = on_hold(local, *remote);
            if (!pin(call, *remote, port, remote_side, wanted)) continue;
            // Which pair of candidates will be used only their checks decide.
            const bool exact = !pinhole.key.any_remote && !local.candidate && !remote->candidate;
            if (exact) pinhole.remote_port = remote_port(local, *remote, port);
        }
        want(wanted);
    }
}

/// Says for which remote address one of the local ports opens. False if this part of the remote side is none for it.
bool Planner::pin(const Call& call, const Stream& remote, const StreamPort& port, const Description& remote_side,
                  Wanted& wanted) {
    if (remote.candidate && remote.role != port.role) return false;  // the other component's
    PinholeKey& key = wanted.pinhole.key;
    const IpAddress& address = port.role == PortRole::rtcp ? remote.rtcp_address : remote.address;
    if (!is_unreachable(call, address, remote_side)) {
        key.remote = address;
        return address.family() == key.inside.address.family();  // a=rtcp can be of the other one
    }
    // With ICE the address that the peer is reached at is among the other candidates.
    if (remote.candidate || has_reachable_candidate(call, remote, remote_side)) return false;
    wanted.remote_is_private = true;
    key.any_remote = true;
    return true;
}

/// A private address in a public peer's SDP is the peer's own NAT speaking: media will come from elsewhere. Unless it
/// is another inside host of this very call, behind the same gateway.
bool Planner::is_unreachable(const Call& call, const IpAddress& address, const Description& remote_side) {
    if (!address.is_private() || remote_side.delivered_by.is_private()) return false;
    return std::none_of(call.dialogs.begin(), call.dialogs.end(),
                        [&address](const Dialog& dialog) { return dialog.has_host(address); });
}

bool Planner::has_reachable_candidate(const Call& call, const Stream& remote, const Description& remote_side) {
    return std::any_of(remote_side.streams.begin(), remote_side.streams.end(), [&](const Stream& other) {
        return other.candidate && other.slot == remote.slot && !is_unreachable(call, other.address, remote_side);
    });
}

void Planner::want(const Wanted& wanted) {
    const auto same = [&wanted](const Wanted& known) { return known.pinhole.key == wanted.pinhole.key; };
    const auto known = std::find_if(wanted_.begin(), wanted_.end(), same);
    if (known == wanted_.end()) {
        if (wanted_.size() < limits_.pinholes_per_call) {
            wanted_.push_back(wanted);
        } else {
            left_out_ = true;
        }
    } else {
        // The newer description knows better (the agreed pair comes first, the pending one after it).
        known->pinhole.on_hold = known->pinhole.on_hold && wanted.pinhole.on_hold;
        if (wanted.pinhole.remote_port != 0) known->pinhole.remote_port = wanted.pinhole.remote_port;
    }
}

void Planner::open(Call& call, const Wanted& wanted, TimePoint now, const FlowTuple& asked, Plan& plan) {
    const OpenPinhole& pinhole = wanted.pinhole;
    const auto acquired = pinholes_.acquire(pinhole.key, pinhole.purpose, pinhole.on_hold, call.key, now);
    if (acquired == PinholeTable::Acquired::full) {
        refuse(call, pinhole.key.inside.port, asked, plan);
        return;
    }
    const Duration timeout = pinholes_.timeout(pinhole.purpose, pinhole.on_hold);
    if (acquired == PinholeTable::Acquired::added) {
        plan.changes.push_back({PinholeChange::Kind::add, pinhole.key, pinhole.purpose, timeout, call.label()});
    }
    plan.events.emplace_back(OpenEvent{pinhole.key, pinhole.purpose, timeout, wanted.remote_is_private, call.id()});
    call.open.push_back(pinhole);
    seed(pinhole, plan);
}

void Planner::refuse(const Call& call, std::uint16_t port, const FlowTuple& asked, Plan& plan) {
    RefuseEvent refused;
    refused.reason = RefuseReason::too_many_pinholes;
    refused.tuple = asked;
    refused.port = port;
    refused.call_id = call.id();
    plan.events.emplace_back(refused);
}

void Planner::close(Call& call, const OpenPinhole& pinhole, CloseReason reason, Plan& plan) {
    if (pinholes_.release(pinhole.key, call.key)) {
        plan.changes.push_back({PinholeChange::Kind::remove, pinhole.key, pinhole.purpose, {}, call.label()});
    }
    plan.events.emplace_back(CloseEvent{pinhole.key, pinhole.purpose, reason, call.id()});
}

void Planner::keep(Call& call, OpenPinhole& pinhole, const Wanted& wanted, TimePoint now, Plan& plan) {
    if (pinhole.on_hold != wanted.pinhole.on_hold) {
        pinhole.on_hold = wanted.pinhole.on_hold;
        if (pinholes_.set_hold(pinhole.key, pinhole.on_hold, now)) {
            plan.changes.push_back({PinholeChange::Kind::refresh, pinhole.key, pinhole.purpose,
                                    pinholes_.timeout(pinhole.purpose, pinhole.on_hold), call.label()});
        }
    }
    if (wanted.pinhole.remote_port != 0 && pinhole.remote_port != wanted.pinhole.remote_port) {
        pinhole.remote_port = wanted.pinhole.remote_port;
        seed(pinhole, plan);
    }
}

void Planner::seed(const OpenPinhole& pinhole, Plan& plan) {
    // Which side of a TCP connection dials is not said anywhere; its first packet will be admitted by itself.
    if (pinhole.remote_port == 0 || pinhole.key.any_remote || pinhole.key.transport != Transport::udp) return;
    plan.seeds.push_back({pinhole.key.transport, pinhole.key.inside, {pinhole.key.remote, pinhole.remote_port}});
}

}  // namespace messenger::alg
