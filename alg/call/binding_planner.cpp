// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/binding_planner.h"

#include <algorithm>
#include <utility>

namespace messenger::alg {

namespace {

/// A candidate is shown outside together with the default that it belongs to, or not at all: if the default is not the
/// host's own, the host knows its outside addresses itself (RFC 8839 section 4.2.5 wants the two to agree).
[[nodiscard]] bool has_own_default(const Description& local, const Stream& candidate) {
    return std::any_of(local.streams.begin(), local.streams.end(), [&candidate](const Stream& other) {
        return !other.candidate && other.slot == candidate.slot && other.permitted && other.port != 0 &&
               other.address == candidate.address;
    });
}

}  // namespace

void BindingPlanner::acquire(Call& call, const FlowTuple& asked, Plan& plan) {
    collect(call);
    taken_.clear();
    for (const Block& block : wanted_) {
        if (block.exact) {
            acquire_exactly(call, block.first, plan);
            continue;
        }
        if (holds(call, block)) continue;
        const auto added = [&](const BindingKey& key, std::uint16_t port) {
            plan.bindings.push_back({BindingChange::Kind::add,
                                     key.transport,
                                     key.inside,
                                     {key.outside, port},
                                     limits_.call,
                                     false,
                                     call.label()});
        };
        const std::size_t told = plan.bindings.size();
        if (!bindings_.acquire(block.first, block.count, block.range, call.key, added)) {
            RefuseEvent refused;
            refused.reason = RefuseReason::no_outside_port;
            refused.tuple = asked;
            refused.announced = block.first.inside.address;
            refused.port = block.first.inside.port;
            refused.call_id = call.id();
            plan.events.emplace_back(refused);
            continue;
        }
        for (std::size_t i = 0; i < block.count; ++i) {
            BindingKey key = block.first;
            key.inside.port = static_cast<std::uint16_t>(key.inside.port + i);
            if (std::find(call.bindings.begin(), call.bindings.end(), key) != call.bindings.end()) continue;
            call.bindings.push_back(key);
            share(key, call, told, plan);
        }
    }
    refuse_taken(call, asked, plan);
}

/// Whether the call has all of them.
bool BindingPlanner::holds(const Call& call, const Block& block) const {
    for (std::size_t i = 0; i < block.count; ++i) {
        BindingKey key = block.first;
        key.inside.port = static_cast<std::uint16_t>(key.inside.port + i);
        const BindingTable::Binding* known = bindings_.find(key);
        if (known == nullptr || !known->calls.has(call.key)) return false;
    }
    return true;
}

/// Of a binding that somebody else held already: this call may live for longer than what the kernel has been told.
void BindingPlanner::share(const BindingKey& key, const Call& call, std::size_t told, Plan& plan) const {
    const bool is_new = std::any_of(plan.bindings.begin() + static_cast<std::ptrdiff_t>(told), plan.bindings.end(),
                                    [&key](const BindingChange& change) {
                                        return change.inside == key.inside && change.transport == key.transport;
                                    });
    const auto port = bindings_.outside_port(key);
    if (is_new || !port) return;
    plan.bindings.push_back({BindingChange::Kind::refresh,
                             key.transport,
                             key.inside,
                             {key.outside, *port},
                             limits_.call,
                             false,
                             call.label()});
}

/// A port that the remote hosts know by its own number, if they know it at all.
void BindingPlanner::acquire_exactly(Call& call, const BindingKey& key, Plan& plan) {
    const auto outcome = bindings_.acquire_exactly(key, call.key);
    const std::uint16_t port = key.inside.port;
    if (outcome == BindingTable::Exactly::added || outcome == BindingTable::Exactly::held) {
        // Such a call may live for longer than what the kernel has been told.
        const auto kind =
            outcome == BindingTable::Exactly::added ? BindingChange::Kind::add : BindingChange::Kind::refresh;
        plan.bindings.push_back(
            {kind, key.transport, key.inside, {key.outside, port}, limits_.call, false, call.label()});
        if (std::find(call.bindings.begin(), call.bindings.end(), key) == call.bindings.end()) {
            call.bindings.push_back(key);
        }
        return;
    }
    Taken taken{port, port, std::nullopt, RefuseReason::no_outside_port};
    if (outcome == BindingTable::Exactly::taken) {
        taken.reason = RefuseReason::outside_port_taken;
        const auto owner = bindings_.inside_of(key.transport, {key.outside, port});
        if (owner) taken.owner = owner->address;
    } else if (outcome == BindingTable::Exactly::reserved) {
        taken.reason = RefuseReason::outside_port_reserved;
    }
    const bool joins = !taken_.empty() && taken_.back().last + 1 == port && taken_.back().owner == taken.owner &&
                       taken_.back().reason == taken.reason;
    if (joins) {
        taken_.back().last = port;
    } else {
        taken_.push_back(taken);
    }
}

/// Said once, until all of them are there: they are tried again and again.
void BindingPlanner::refuse_taken(Call& call, const FlowTuple& asked, Plan& plan) {
    const bool told = std::exchange(call.told_taken, !taken_.empty());
    if (told) return;
    for (const Taken& taken : taken_) {
        RefuseEvent refused;
        refused.reason = taken.reason;
        refused.tuple = asked;
        refused.announced = asked.source.address;
        refused.port = taken.first;
        refused.last_port = taken.last;
        refused.owner = taken.owner;
        refused.call_id = call.id();
        plan.events.emplace_back(refused);
    }
}

void BindingPlanner::release(Call& call, TimePoint now, Plan& plan) {
    if (call.bindings.empty()) return;
    collect(call);
    for (auto at = call.bindings.begin(); at != call.bindings.end();) {
        if (wants(*at)) {
            ++at;
            continue;
        }
        const auto port = bindings_.outside_port(*at);
        if (bindings_.release(*at, call.key, now) && port) {
            plan.bindings.push_back({BindingChange::Kind::remove,
                                     at->transport,
                                     at->inside,
                                     {at->outside, *port},
                                     {},
                                     false,
                                     call.label()});
        }
        at = call.bindings.erase(at);
    }
}

std::optional<Endpoint> BindingPlanner::outside_of(const PinholeKey& key, PortRole role,
                                                   const IpAddress& behind) const {
    // Another inside host is reached directly.
    const bool direct = !key.any_remote && policy_.inside.contains(key.remote);
    if (behind.is_unspecified() || direct) return std::nullopt;
    if (role == PortRole::t120) return Endpoint{behind, key.inside.port};
    const auto port = bindings_.outside_port({key.transport, key.inside, behind});
    return port ? std::optional(Endpoint{behind, *port}) : std::nullopt;
}

void BindingPlanner::collect(const Call& call) {
    wanted_.clear();
    wanted_keys_.clear();
    wanted_index_.clear();
    left_out_ = false;
    for (const Dialog& dialog : call.dialogs) {
        if (!dialog.alive()) continue;
        for (const Agent& agent : dialog.agents) {
            const OfferAnswer& negotiation = agent.negotiation;
            collect_description(negotiation.agreed().local);
            for (const Party requester : {Party::caller, Party::callee}) {
                if (const auto pending = negotiation.pending(requester)) collect_description(pending->local);
            }
        }
        for (const Transfer& transfer : dialog.transfers) {
            if (!transfer.listener || transfer.behind.is_unspecified()) continue;
            want({Transport::tcp, *transfer.listener, transfer.behind}, kFixedFilePorts, false);
        }
        if (dialog.fixed_for && !dialog.fixed_for->behind.is_unspecified()) collect_fixed(*dialog.fixed_for);
        // Their call was taken over from before a restart; what it announced then is not known any more.
        if (dialog.restored.empty()) continue;
        for (const BindingKey& key : call.bindings) want(key, policy_.nat_ports, false);
    }
}

void BindingPlanner::collect_fixed(const FixedHost& fixed) {
    each_fixed_port(fixed, policy_, [&](Transport transport, std::uint16_t port, Purpose purpose) {
        if (purpose.role == PortRole::t120) return;  // shared out by remote: a claim
        const BindingKey key{transport, {fixed.host, port}, fixed.behind};
        if (!wants(key) && note(key)) wanted_.push_back({key, 1, {port, port}, true});
    });
}

void BindingPlanner::collect_description(const Description& local) {
    if (local.behind.is_unspecified()) return;
    for (const Stream& stream : local.streams) {
        const bool usable = stream.permitted && !stream.obstacle && stream.port != 0 && stream.address.is_v4() &&
                            !stream.address.is_unspecified();
        if (!usable || stream.role == PortRole::t120) continue;  // T.120 keeps its number
        if (stream.candidate && !has_own_default(local, stream)) continue;
        StreamPorts ports = stream_ports(stream, false);
        std::sort(ports.begin(), ports.end(),
                  [](const StreamPort& left, const StreamPort& right) { return left.port < right.port; });
        for (const StreamPort& port : ports) {
            if (port_obstacle(port.port, port.role, policy_)) continue;
            const IpAddress& address = port.role == PortRole::rtcp ? stream.rtcp_address : stream.address;
            // An even port begins a pair of its own; only "m=audio 5000/2" keeps its pairs together.
            const bool joins = port.port % 2 != 0 || stream.port_count > 1;
            want({Transport::udp, {address, port.port}, local.behind}, policy_.nat_ports, joins);
        }
    }
}

/// Ports come in rising order: one that joins its lower neighbour gets an outside number next to it.
void BindingPlanner::want(const BindingKey& key, PortRange range, bool joins) {
    if (left_out_ || wants(key) || !note(key)) return;
    if (!wanted_.empty()) {
        Block& last = wanted_.back();
        const bool neighbour = last.first.transport == key.transport && last.first.outside == key.outside &&
                               last.first.inside.address == key.inside.address &&
                               last.first.inside.port + last.count == key.inside.port;
        if (neighbour && joins) {
            ++last.count;
            return;
        }
    }
    wanted_.push_back({key, 1, range, false});
}

bool BindingPlanner::wants(const BindingKey& key) const {
    const auto is_it = [&](std::size_t place) { return wanted_keys_[place] == key; };
    return wanted_index_.find(bindings_.hash(key), is_it).has_value();
}

bool BindingPlanner::note(const BindingKey& key) {
    if (wanted_keys_.size() >= limits_.pinholes_per_call) {
        left_out_ = true;
        return false;
    }
    wanted_index_.add(bindings_.hash(key), wanted_keys_.size());
    wanted_keys_.push_back(key);
    return true;
}

}  // namespace messenger::alg
