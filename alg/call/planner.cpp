// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/planner.h"

#include <algorithm>
#include <utility>

namespace messenger::alg {

namespace {

/// What one planning may cost, whatever was sent: a step looks at a stream of the other side, or asks for a port. ICE
/// takes some hundred of them for each branch of a call.
constexpr std::size_t kSteps = 4096;
constexpr std::size_t kStepsPerPinhole = 16;  // more of them where more pinholes are allowed

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

/// A pinhole is no more. What was to be seeded for it in the same plan, as for two messages in one segment, would come
/// after its removal and outlive it.
void drop_seeds(const PinholeKey& key, Plan& plan) {
    std::erase_if(plan.seeds, [&key](const FlowSeed& seed) {
        return !key.any_remote && seed.transport == key.transport && seed.inside == key.inside &&
               seed.remote.address == key.remote;
    });
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
    binding_planner_.acquire(call, asked, plan);
    close_unwanted(call, reason, now, plan);
    if (left_out_ || binding_planner_.left_out()) refuse(call, RefuseReason::too_many_pinholes, 0, asked, plan);
    if (blocked_ && !call.told_blocked) {
        call.told_blocked = true;
        refuse(call, RefuseReason::blocked, 0, asked, plan);
    }
    for (const Wanted& wanted : wanted_) {
        if (!wanted.is_open) open(call, wanted, now, asked, plan);
    }
    binding_planner_.release(call, now, plan);
}

void Planner::withdraw(Call& call, CloseReason reason, TimePoint now, Plan& plan) {
    close_unwanted(call, reason, now, plan);
    binding_planner_.release(call, now, plan);
}

void Planner::close_unwanted(Call& call, CloseReason reason, TimePoint now, Plan& plan) {
    collect(call);
    for (auto at = call.open.begin(); at != call.open.end();) {
        Wanted* const wanted = find_wanted(at->key);
        const PinholeTable::Pinhole* known = wanted == nullptr ? nullptr : pinholes_.find(at->key);
        if (wanted == nullptr || leads_elsewhere(*wanted, known)) {
            close(call, *at, reason, plan);
            at = call.open.erase(at);
            continue;
        }
        wanted->is_open = true;
        keep(call, *at, *wanted, known, now, plan);
        ++at;
    }
}

void Planner::expired(const PinholeKey& key, CallTable& calls, Plan& plan) {
    const PinholeTable::Pinhole* pinhole = pinholes_.find(key);
    if (pinhole == nullptr) return;
    const auto holders = pinhole->calls.copy();  // release() changes the table
    const bool spent = pinhole->allowance && pinhole->allowance->is_spent();
    bool forgotten = false;
    for (const std::uint64_t holder : holders) {
        Call* call = calls.find(holder);
        const auto outside = pinholes_.find(key)->outside;
        if (pinholes_.release(key, holder)) unclaim(key, outside);
        if (call == nullptr) continue;
        const auto at = std::find_if(call->open.begin(), call->open.end(),
                                     [&key](const OpenPinhole& known) { return known.key == key; });
        if (at == call->open.end()) continue;
        if (!forgotten) {
            const auto kind = spent ? PinholeChange::Kind::remove : PinholeChange::Kind::forget;
            plan.changes.push_back({kind, key, at->purpose, {}, call->label(), outside});
            drop_seeds(key, plan);
            forgotten = true;
        }
        plan.events.emplace_back(
            CloseEvent{key, at->purpose, spent ? CloseReason::finished : CloseReason::timeout, call->id()});
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
    wanted_index_.clear();
    steps_taken_ = 0;
    left_out_ = false;
    blocked_ = false;
    if (call.closed_by_operator) return;
    note_hosts(call);
    for (const Dialog& dialog : call.dialogs) {
        if (!dialog.alive()) continue;
        if (is_blocked(dialog)) {
            blocked_ = true;
        } else if (!left_out_) {
            collect_dialog(call, dialog);
        }
    }
    leave_out_blocked();
}

void Planner::collect_dialog(const Call& call, const Dialog& dialog) {
    for (const Agent& agent : dialog.agents) collect_agent(call, dialog, agent);
    // The kernel's own end comes later: it is for the case that nobody closes them.
    if (dialog.fixed_for) collect_fixed(*dialog.fixed_for, dialog.deadline + limits_.transaction);
    for (const Transfer& transfer : dialog.transfers) {
        if (!transfer.listener) continue;
        Wanted wanted;
        wanted.pinhole.purpose = {MediaKind::application, PortRole::file};
        wanted.pinhole.key = {Transport::tcp, transfer.peer.is_unspecified(), *transfer.listener, transfer.peer};
        wanted.behind = transfer.behind;
        want(wanted);
    }
    for (const PinholeKey& key : dialog.restored) {
        if (left_out_) return;
        Wanted wanted;
        wanted.pinhole.key = key;
        if (const auto* known = pinholes_.find(key)) {
            wanted.pinhole.purpose = known->purpose;
            if (known->outside) wanted.behind = known->outside->address;
        }
        want(wanted);
    }
}

/// Who takes part in the call inside, and for whom: sorted, for is_unreachable().
void Planner::note_hosts(const Call& call) {
    hosts_.clear();
    for (const Dialog& dialog : call.dialogs) {
        for (const Agent& agent : dialog.agents) hosts_.emplace_back(agent.host, agent.acts_for);
    }
    std::sort(hosts_.begin(), hosts_.end());
}

/// False if the planning has cost enough: what is left of it is left out.
bool Planner::take_step() {
    if (steps_taken_ >= std::max(kSteps, kStepsPerPinhole * limits_.pinholes_per_call)) left_out_ = true;
    if (left_out_) return false;
    ++steps_taken_;
    return true;
}

bool Planner::concerns_blocked(const Call& call) {
    collect(call);
    return blocked_;
}

/// Whether one of those who speak in it is blocked.
bool Planner::is_blocked(const Dialog& dialog) const {
    return std::any_of(policy_.blocked.begin(), policy_.blocked.end(), [&dialog](const IpAddress& host) {
        return dialog.has_host(host) || std::find(dialog.peers.begin(), dialog.peers.end(), host) != dialog.peers.end();
    });
}

/// The same for the ends of the media; a dialog keeps only so many peers, and one from before a restart knows none.
void Planner::leave_out_blocked() {
    if (policy_.blocked.empty()) return;
    const std::size_t before = wanted_.size();
    std::erase_if(wanted_, [this](const Wanted& wanted) {
        const PinholeKey& key = wanted.pinhole.key;
        return std::any_of(policy_.blocked.begin(), policy_.blocked.end(), [&key](const IpAddress& host) {
            return key.inside.address == host || (!key.any_remote && key.remote == host);
        });
    });
    if (wanted_.size() == before) return;
    blocked_ = true;
    wanted_index_.clear();
    for (std::size_t i = 0; i < wanted_.size(); ++i) wanted_index_.add(pinholes_.hash(wanted_[i].pinhole.key), i);
}

void Planner::collect_fixed(const FixedHost& fixed, TimePoint until) {
    each_fixed_port(fixed, policy_, [&](Transport transport, std::uint16_t port, Purpose purpose) {
        Wanted wanted;
        wanted.pinhole.purpose = purpose;
        wanted.pinhole.key = {transport, true, {fixed.host, port}, {}};
        wanted.pinhole.until = until;
        wanted.behind = fixed.behind;
        want(wanted);
    });
}

void Planner::collect_agent(const Call& call, const Dialog& dialog, const Agent& agent) {
    const OfferAnswer& negotiation = agent.negotiation;
    peer_ = other(agent.acts_for);
    // Security rule 4: from anywhere only as long as no branch has named a remote address.
    const bool anywhere = policy_.early_media == EarlyMedia::after_offer && !has_answer(call, dialog.caller_tag, agent);
    if (negotiation.has_agreed()) {
        collect_pair({negotiation.agreed().local, negotiation.agreed().remote}, false);
    }
    for (const Party requester : {Party::caller, Party::callee}) {
        if (const auto pending = negotiation.pending(requester)) collect_pair(*pending, anywhere);
    }
}

void Planner::collect_pair(const OfferAnswer::PairView& pair, bool anywhere) {
    if (pair.remote.empty() && !anywhere) return;
    for (const Stream& local : pair.local.streams) {
        if (left_out_) return;
        if (!opens(local)) continue;
        const StreamPorts ports = permitted_ports(local, false);
        const StreamPorts muxed = local.rtcp_mux ? permitted_ports(local, true) : StreamPorts{};
        if (pair.remote.empty()) collect_stream(local, ports, nullptr, pair);
        // A multipart body has several alternatives for one slot, some of them perhaps with port 0.
        for (const Stream& remote : pair.remote.streams) {
            if (!take_step()) return;
            const bool usable = remote.port != 0 && !remote.obstacle && !remote.address.is_unspecified() &&
                                remote.address.family() == local.address.family();
            if (remote.slot != local.slot || !usable) continue;
            collect_stream(local, local.rtcp_mux && remote.rtcp_mux ? muxed : ports, &remote, pair);
        }
    }
}

StreamPorts Planner::permitted_ports(const Stream& local, bool rtcp_mux_agreed) const {
    StreamPorts ports = stream_ports(local, rtcp_mux_agreed);
    const auto is_forbidden = [this](const StreamPort& port) {
        return port_obstacle(port.port, port.role, policy_).has_value();
    };
    ports.erase(std::remove_if(ports.begin(), ports.end(), is_forbidden), ports.end());
    return ports;
}

void Planner::collect_stream(const Stream& local, const StreamPorts& ports, const Stream* remote,
                             const OfferAnswer::PairView& pair) {
    for (const StreamPort& port : ports) {
        if (!take_step()) return;
        const bool rtcp = port.role == PortRole::rtcp;
        Wanted wanted;
        wanted.behind = pair.local.behind;
        OpenPinhole& pinhole = wanted.pinhole;
        pinhole.purpose = {local.kind, port.role};
        pinhole.key.transport = local.role == PortRole::t120 ? Transport::tcp : Transport::udp;
        pinhole.key.inside = {rtcp ? local.rtcp_address : local.address, port.port};
        if (remote == nullptr) {
            pinhole.key.any_remote = true;
        } else {
            // Who only shows has "sendonly" in his T.120 session from the start.
            pinhole.on_hold = local.role != PortRole::t120 && on_hold(local, *remote);
            if (!pin(*remote, port, pair.remote, wanted)) continue;
            // Which pair of candidates will be used only their checks decide.
            const bool exact = !pinhole.key.any_remote && !local.candidate && !remote->candidate;
            if (exact) pinhole.remote_port = remote_port(local, *remote, port);
        }
        want(wanted);
    }
}

/// Says for which remote address one of the local ports opens. False if this part of the remote side is none for it.
bool Planner::pin(const Stream& remote, const StreamPort& port, const Description& remote_side, Wanted& wanted) {
    if (remote.candidate && remote.role != port.role) return false;  // the other component's
    PinholeKey& key = wanted.pinhole.key;
    const IpAddress& address = port.role == PortRole::rtcp ? remote.rtcp_address : remote.address;
    if (!is_unreachable(address, remote_side)) {
        key.remote = address;
        return address.family() == key.inside.address.family();  // a=rtcp can be of the other one
    }
    // With ICE the address that the peer is reached at is among the other candidates.
    if (remote.candidate || has_reachable_candidate(remote, remote_side)) return false;
    wanted.remote_is_private = true;
    key.any_remote = true;
    return true;
}

/// A private address in a public peer's SDP is the peer's own NAT speaking: media will come from elsewhere. Unless it
/// is an inside host that takes part in this very call at the other end. The agent's own address is not: many networks
/// use the same private addresses.
bool Planner::is_unreachable(const IpAddress& address, const Description& remote_side) const {
    if (!address.is_private() || remote_side.delivered_by.is_private() || remote_side.turned_back) return false;
    return !std::binary_search(hosts_.begin(), hosts_.end(), std::pair(address, peer_));
}

bool Planner::has_reachable_candidate(const Stream& remote, const Description& remote_side) {
    for (const Stream& other : remote_side.streams) {
        if (!take_step()) return false;
        if (other.candidate && other.slot == remote.slot && !is_unreachable(other.address, remote_side)) return true;
    }
    return false;
}

Planner::Wanted* Planner::find_wanted(const PinholeKey& key) {
    const auto is_it = [&](std::size_t place) { return wanted_[place].pinhole.key == key; };
    const auto place = wanted_index_.find(pinholes_.hash(key), is_it);
    return place ? &wanted_[*place] : nullptr;
}

void Planner::want(const Wanted& wanted) {
    if (Wanted* const known = find_wanted(wanted.pinhole.key)) {
        // The newer description knows better (the agreed pair comes first, the pending one after it).
        known->pinhole.on_hold = known->pinhole.on_hold && wanted.pinhole.on_hold;
        if (wanted.pinhole.remote_port != 0) known->pinhole.remote_port = wanted.pinhole.remote_port;
        known->behind = wanted.behind;
    } else if (wanted_.size() < limits_.pinholes_per_call) {
        wanted_index_.add(pinholes_.hash(wanted.pinhole.key), wanted_.size());
        wanted_.push_back(wanted);
    } else {
        left_out_ = true;  // and so is all that would come after it
    }
}

void Planner::open(Call& call, const Wanted& wanted, TimePoint now, const FlowTuple& asked, Plan& plan) {
    const OpenPinhole& pinhole = wanted.pinhole;
    const PinholeKey& key = pinhole.key;
    const auto outside = binding_planner_.outside_of(key, pinhole.purpose.role, wanted.behind);
    const bool fixed = outside && pinhole.purpose.role == PortRole::t120;
    if (is_hidden(wanted) && !outside) return;  // no number was left for it, as has been said
    if (fixed && !bindings_.claim(key.transport, *outside, key.remote, key.inside)) {
        if (!call.t120_refused) refuse_taken(call, key, *outside, asked, plan);
        call.t120_refused = true;
        return;
    }
    if (fixed) call.t120_refused = false;
    const auto acquired = pinholes_.acquire(key, pinhole.purpose, pinhole.on_hold, call.key, now);
    if (acquired == PinholeTable::Acquired::full) {
        unclaim(key, outside);
        refuse(call, RefuseReason::too_many_pinholes, key.inside.port, asked, plan);
        return;
    }
    pinholes_.set_outside(key, outside);
    if (pinhole.until) pinholes_.keep_until(key, *pinhole.until, now);
    const Duration timeout = pinhole.until ? *pinhole.until - now : pinholes_.timeout(pinhole.purpose, pinhole.on_hold);
    if (acquired == PinholeTable::Acquired::added) {
        plan.changes.push_back({PinholeChange::Kind::add, key, pinhole.purpose, timeout, call.label(), outside});
    }
    plan.events.emplace_back(OpenEvent{key, pinhole.purpose, timeout, wanted.remote_is_private, call.id()});
    call.open.push_back(pinhole);
    seed(pinhole, plan);
}

/// Whether the peer cannot reach the inside host by its own address.
bool Planner::is_hidden(const Wanted& wanted) const {
    const PinholeKey& key = wanted.pinhole.key;
    return !wanted.behind.is_unspecified() && (key.any_remote || !policy_.inside.contains(key.remote));
}

/// Whether the pinhole is open with another outside end than it needs now: the call has moved to another interface.
bool Planner::leads_elsewhere(const Wanted& wanted, const PinholeTable::Pinhole* known) const {
    const OpenPinhole& pinhole = wanted.pinhole;
    return known != nullptr &&
           known->outside != binding_planner_.outside_of(pinhole.key, pinhole.purpose.role, wanted.behind);
}

void Planner::unclaim(const PinholeKey& key, const std::optional<Endpoint>& outside) {
    if (outside && pinholes_.find(key) == nullptr) bindings_.unclaim(key.transport, *outside, key.remote);
}

void Planner::refuse(const Call& call, RefuseReason reason, std::uint16_t port, const FlowTuple& asked, Plan& plan) {
    RefuseEvent refused;
    refused.reason = reason;
    refused.tuple = asked;
    refused.port = port;
    refused.call_id = call.id();
    plan.events.emplace_back(refused);
}

/// T.120's outside port leads the remote, or somebody if it is to lead everybody, to another inside host.
void Planner::refuse_taken(const Call& call, const PinholeKey& key, const Endpoint& outside, const FlowTuple& asked,
                           Plan& plan) const {
    RefuseEvent refused;
    refused.reason = RefuseReason::outside_port_taken;
    refused.tuple = asked;
    refused.port = key.inside.port;
    refused.owner = bindings_.claimed_by_other(key.transport, outside, key.remote, key.inside);
    refused.call_id = call.id();
    plan.events.emplace_back(refused);
}

void Planner::close(Call& call, const OpenPinhole& pinhole, CloseReason reason, Plan& plan) {
    const auto* known = pinholes_.find(pinhole.key);
    const auto outside = known == nullptr ? std::nullopt : known->outside;
    if (pinholes_.release(pinhole.key, call.key)) {
        unclaim(pinhole.key, outside);
        plan.changes.push_back({PinholeChange::Kind::remove, pinhole.key, pinhole.purpose, {}, call.label(), outside});
        plan.changes.back().remote_port = pinhole.remote_port;
        drop_seeds(pinhole.key, plan);
    }
    plan.events.emplace_back(CloseEvent{pinhole.key, pinhole.purpose, reason, call.id()});
}

/// known: the pinhole as the table has it.
void Planner::keep(Call& call, OpenPinhole& pinhole, const Wanted& wanted, const PinholeTable::Pinhole* known,
                   TimePoint now, Plan& plan) {
    const PinholeKey& key = pinhole.key;
    if (known != nullptr && !known->outside && pinhole.purpose.role == PortRole::t120) {
        // Taken over from before a restart: no binding has brought its outside end back.
        const auto outside = binding_planner_.outside_of(key, pinhole.purpose.role, wanted.behind);
        if (outside && bindings_.claim(key.transport, *outside, key.remote, key.inside)) {
            pinholes_.set_outside(key, outside);
            const Duration timeout = pinholes_.timeout(pinhole.purpose, pinhole.on_hold);
            plan.changes.push_back({PinholeChange::Kind::add, key, pinhole.purpose, timeout, call.label(), outside});
        }
    }
    if (wanted.pinhole.until && wanted.pinhole.until != pinhole.until) {
        pinhole.until = wanted.pinhole.until;
        pinholes_.keep_until(pinhole.key, *pinhole.until, now);
        plan.changes.push_back({PinholeChange::Kind::refresh, pinhole.key, pinhole.purpose, *pinhole.until - now,
                                call.label(), known == nullptr ? std::nullopt : known->outside});
    }
    if (pinhole.on_hold != wanted.pinhole.on_hold) {
        pinhole.on_hold = wanted.pinhole.on_hold;
        if (pinholes_.set_hold(pinhole.key, pinhole.on_hold, now)) {
            plan.changes.push_back({PinholeChange::Kind::refresh, pinhole.key, pinhole.purpose,
                                    pinholes_.timeout(pinhole.purpose, pinhole.on_hold), call.label(),
                                    known == nullptr ? std::nullopt : known->outside});
        }
    }
    if (wanted.pinhole.remote_port != 0 && pinhole.remote_port != wanted.pinhole.remote_port) {
        pinhole.remote_port = wanted.pinhole.remote_port;
        seed(pinhole, plan);
    }
}

void Planner::seed(const OpenPinhole& pinhole, Plan& plan) const {
    // Which side of a TCP connection dials is not said anywhere; its first packet will be admitted by itself.
    if (pinhole.remote_port == 0 || pinhole.key.any_remote || pinhole.key.transport != Transport::udp) return;
    const auto* known = pinholes_.find(pinhole.key);
    plan.seeds.push_back({pinhole.key.transport,
                          pinhole.key.inside,
                          {pinhole.key.remote, pinhole.remote_port},
                          known == nullptr ? std::nullopt : known->outside});
}

}  // namespace messenger::alg
