// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/wanted_pinholes.h"

#include <algorithm>

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

void WantedPinholes::collect(const Call& call) {
    wanted_.clear();
    index_.clear();
    steps_taken_ = 0;
    left_out_ = false;
    concerns_blocked_ = false;
    if (call.closed_by_operator) return;
    note_hosts(call);
    // Those that are answered first: a caller who has been tried at many branches must not be without the one.
    for (const bool answered : {true, false}) {
        for (const Dialog& dialog : call.dialogs) {
            if (!dialog.alive() || dialog.waiting() == answered) continue;
            if (is_blocked(dialog)) {
                concerns_blocked_ = true;
            } else if (!left_out_) {
                collect_dialog(call, dialog);
            }
        }
    }
    leave_out_blocked();
}

void WantedPinholes::collect_dialog(const Call& call, const Dialog& dialog) {
    for (const Agent& agent : dialog.agents) collect_agent(call, dialog, agent);
    // The kernel's own end comes later: it is for the case that nobody closes them.
    if (dialog.fixed_for) collect_fixed(*dialog.fixed_for, dialog.deadline + limits_.transaction);
    for (const Transfer& transfer : dialog.transfers) {
        if (!transfer.listener) continue;
        Wanted wanted;
        wanted.pinhole.purpose = {MediaKind::application, PortRole::file};
        wanted.pinhole.key = transfer.pinhole();
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
void WantedPinholes::note_hosts(const Call& call) {
    hosts_.clear();
    for (const Dialog& dialog : call.dialogs) {
        for (const Agent& agent : dialog.agents) hosts_.emplace_back(agent.host, agent.acts_for);
    }
    std::sort(hosts_.begin(), hosts_.end());
}

/// False if the planning has cost enough: what is left of it is left out.
bool WantedPinholes::take_step() {
    if (steps_taken_ >= std::max(kSteps, kStepsPerPinhole * limits_.pinholes_per_call)) left_out_ = true;
    if (left_out_) return false;
    ++steps_taken_;
    return true;
}

/// Whether one of those who speak in it is blocked.
bool WantedPinholes::is_blocked(const Dialog& dialog) const {
    return std::any_of(policy_.blocked.begin(), policy_.blocked.end(), [&dialog](const IpAddress& host) {
        return dialog.has_host(host) || std::find(dialog.peers.begin(), dialog.peers.end(), host) != dialog.peers.end();
    });
}

/// The same for the ends of the media; a dialog keeps only so many peers, and one from before a restart knows none.
void WantedPinholes::leave_out_blocked() {
    if (policy_.blocked.empty()) return;
    const std::size_t before = wanted_.size();
    std::erase_if(wanted_, [this](const Wanted& wanted) {
        const PinholeKey& key = wanted.pinhole.key;
        return std::any_of(policy_.blocked.begin(), policy_.blocked.end(), [&key](const IpAddress& host) {
            return key.inside.address == host || (!key.any_remote && key.remote == host);
        });
    });
    if (wanted_.size() == before) return;
    concerns_blocked_ = true;
    index_.clear();
    for (std::size_t i = 0; i < wanted_.size(); ++i) index_.add(pinholes_.hash(wanted_[i].pinhole.key), i);
}

void WantedPinholes::collect_fixed(const FixedHost& fixed, TimePoint until) {
    each_fixed_port(fixed, policy_, [&](Transport transport, std::uint16_t port, Purpose purpose) {
        Wanted wanted;
        wanted.pinhole.purpose = purpose;
        wanted.pinhole.key = {transport, true, {fixed.host, port}, {}};
        wanted.pinhole.until = until;
        wanted.behind = fixed.behind;
        want(wanted);
    });
}

void WantedPinholes::collect_agent(const Call& call, const Dialog& dialog, const Agent& agent) {
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

void WantedPinholes::collect_pair(const OfferAnswer::PairView& pair, bool anywhere) {
    if (pair.remote.empty() && !anywhere) return;
    note_reachable(pair.remote);
    for (const Stream& local : pair.local.streams) {
        if (left_out_) return;
        if (!opens(local)) continue;
        const StreamPorts ports = permitted_ports(local, false);
        const StreamPorts muxed = local.rtcp_mux ? permitted_ports(local, true) : StreamPorts{};
        if (pair.remote.empty()) collect_stream(local, ports, nullptr, pair);
        // A multipart body has several alternatives for one slot, some of them perhaps with port 0.
        for (const Stream& remote : pair.remote.streams) {
            const bool usable = remote.port != 0 && !remote.obstacle && !remote.address.is_unspecified() &&
                                remote.address.family() == local.address.family();
            if (remote.slot != local.slot || !usable) continue;
            if (!take_step()) return;
            collect_stream(local, local.rtcp_mux && remote.rtcp_mux ? muxed : ports, &remote, pair);
        }
    }
}

StreamPorts WantedPinholes::permitted_ports(const Stream& local, bool rtcp_mux_agreed) const {
    StreamPorts ports = stream_ports(local, rtcp_mux_agreed);
    const auto is_forbidden = [this](const StreamPort& port) {
        return port_obstacle(port.port, port.role, policy_).has_value();
    };
    ports.erase(std::remove_if(ports.begin(), ports.end(), is_forbidden), ports.end());
    return ports;
}

void WantedPinholes::collect_stream(const Stream& local, const StreamPorts& ports, const Stream* remote,
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
bool WantedPinholes::pin(const Stream& remote, const StreamPort& port, const Description& remote_side, Wanted& wanted) {
    if (remote.candidate && remote.role != port.role) return false;  // the other component's
    PinholeKey& key = wanted.pinhole.key;
    const IpAddress& address = port.role == PortRole::rtcp ? remote.rtcp_address : remote.address;
    if (!is_unreachable(address, remote_side)) {
        key.remote = address;
        return address.family() == key.inside.address.family();  // a=rtcp can be of the other one
    }
    // With ICE the address that the peer is reached at is among the other candidates.
    if (remote.candidate || std::find(reachable_.begin(), reachable_.end(), remote.slot) != reachable_.end()) {
        return false;
    }
    wanted.remote_is_private = true;
    key.any_remote = true;
    return true;
}

/// A private address in a public peer's SDP is the peer's own NAT speaking: media will come from elsewhere. Unless it
/// is an inside host that takes part in this very call at the other end. The agent's own address is not: many networks
/// use the same private addresses.
bool WantedPinholes::is_unreachable(const IpAddress& address, const Description& remote_side) const {
    if (!address.is_private() || remote_side.delivered_by.is_private() || remote_side.turned_back) return false;
    return !std::binary_search(hosts_.begin(), hosts_.end(), std::pair(address, peer_));
}

/// The m= lines of the remote side with a candidate that can be reached.
void WantedPinholes::note_reachable(const Description& remote_side) {
    reachable_.clear();
    for (const Stream& stream : remote_side.streams) {
        const bool known = !reachable_.empty() && reachable_.back() == stream.slot;
        if (stream.candidate && !known && !is_unreachable(stream.address, remote_side)) {
            reachable_.push_back(stream.slot);
        }
    }
}

WantedPinholes::Wanted* WantedPinholes::find(const PinholeKey& key) {
    const auto is_it = [&](std::size_t place) { return wanted_[place].pinhole.key == key; };
    const auto place = index_.find(pinholes_.hash(key), is_it);
    return place ? &wanted_[*place] : nullptr;
}

void WantedPinholes::want(const Wanted& wanted) {
    if (Wanted* const known = find(wanted.pinhole.key)) {
        // The newer description knows better (the agreed pair comes first, the pending one after it).
        known->pinhole.on_hold = known->pinhole.on_hold && wanted.pinhole.on_hold;
        if (wanted.pinhole.remote_port != 0) known->pinhole.remote_port = wanted.pinhole.remote_port;
        known->behind = wanted.behind;
    } else if (wanted_.size() < limits_.pinholes_per_call) {
        index_.add(pinholes_.hash(wanted.pinhole.key), wanted_.size());
        wanted_.push_back(wanted);
    } else {
        left_out_ = true;  // and so is all that would come after it
    }
}

}  // namespace messenger::alg
