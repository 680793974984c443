// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/planner.h"

#include <algorithm>

namespace messenger::alg {

namespace {

/// What is kept of what was announced in a call, in streams, so that calls that announce without end stay small. Few
/// need so many before they need more pinholes than there may be: RTP makes two of a pair of streams, ICE pairs each
/// of one side with each of the other. And a description has 64 at most, so that the first offer and its answer always
/// fit in, and what goes in their place beside them.
constexpr std::size_t kStreams = 512;
constexpr std::size_t kStreamsPerPinhole = 2;  // more of them where more pinholes are allowed

/// A pinhole is no more. What was to be seeded for it in the same plan, as for two messages in one segment, would come
/// after its removal and outlive it.
void drop_seeds(const PinholeKey& key, Plan& plan) {
    std::erase_if(plan.seeds, [&key](const FlowSeed& seed) {
        return !key.any_remote && seed.transport == key.transport && seed.inside == key.inside &&
               seed.remote.address == key.remote;
    });
}

}  // namespace

void Planner::apply(Call& call, CloseReason reason, TimePoint now, const FlowTuple& asked, Plan& plan) {
    const bool all_kept = call.keep_streams(std::max(kStreams, kStreamsPerPinhole * limits_.pinholes_per_call));
    binding_planner_.acquire(call, asked, plan);
    close_unwanted(call, reason, now, plan);
    if (!all_kept || wanted_.left_out() || binding_planner_.left_out())
        refuse(call, RefuseReason::too_many_pinholes, 0, asked, plan);
    if (wanted_.concerns_blocked() && !call.told_blocked) {
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
    wanted_.collect(call);
    for (auto at = call.open.begin(); at != call.open.end();) {
        Wanted* const wanted = wanted_.find(at->key);
        const PinholeTable::Pinhole* known = wanted == nullptr ? nullptr : pinholes_.find(at->key);
        if (wanted == nullptr || leads_elsewhere(*wanted, known)) {
            close(call, *at, reason, now, plan);
            at = call.open.erase(at);
            continue;
        }
        wanted->is_open = true;
        keep(call, *at, *wanted, known, now, plan);
        ++at;
    }
}

bool Planner::concerns_blocked(const Call& call) {
    wanted_.collect(call);
    return wanted_.concerns_blocked();
}

void Planner::expired(const PinholeKey& key, Plan& plan) {
    const PinholeTable::Pinhole* pinhole = pinholes_.find(key);
    if (pinhole == nullptr) return;
    const auto holders = pinhole->calls.copy();  // release() changes the table
    const bool spent = pinhole->allowance && pinhole->allowance->is_spent();
    bool forgotten = false;
    for (const std::uint64_t holder : holders) {
        Call* call = calls_.find(holder);
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
    if (acquired == PinholeTable::Acquired::shared) tell_holders(pinhole.key, now, plan);
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

/// T.120's outside port leads the remote, or somebody if it is to lead everybody, to another inside host; or is
/// reserved.
void Planner::refuse_taken(const Call& call, const PinholeKey& key, const Endpoint& outside, const FlowTuple& asked,
                           Plan& plan) const {
    RefuseEvent refused;
    refused.tuple = asked;
    refused.port = key.inside.port;
    refused.owner = bindings_.claimed_by_other(key.transport, outside, key.remote, key.inside);
    refused.reason = refused.owner ? RefuseReason::outside_port_taken : RefuseReason::outside_port_reserved;
    refused.call_id = call.id();
    plan.events.emplace_back(refused);
}

void Planner::close(Call& call, const OpenPinhole& pinhole, CloseReason reason, TimePoint now, Plan& plan) {
    const auto* known = pinholes_.find(pinhole.key);
    const auto outside = known == nullptr ? std::nullopt : known->outside;
    if (pinholes_.release(pinhole.key, call.key)) {
        unclaim(pinhole.key, outside);
        plan.changes.push_back({PinholeChange::Kind::remove, pinhole.key, pinhole.purpose, {}, call.label(), outside});
        plan.changes.back().remote_port = pinhole.remote_port;
        drop_seeds(pinhole.key, plan);
    } else {
        tell_holders(pinhole.key, now, plan);
    }
    plan.events.emplace_back(CloseEvent{pinhole.key, pinhole.purpose, reason, call.id()});
}

/// known: the pinhole as the table has it.
void Planner::keep(Call& call, OpenPinhole& pinhole, const Wanted& wanted, const PinholeTable::Pinhole* known,
                   TimePoint now, Plan& plan) {
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

bool Planner::name_holders(PinholeChange& change) const {
    const auto* pinhole = pinholes_.find(change.key);
    if (pinhole == nullptr || pinhole->calls.empty()) return false;
    const auto holders = pinhole->calls.all();
    const auto label = calls_.label_of(holders[0]);
    if (!label) return false;
    change.label = *label;
    change.sharer.reset();
    const auto other = holders.size() > 1 ? calls_.label_of(holders[1]) : std::nullopt;
    if (other) change.sharer = {other->call, other->dialog};
    return true;
}

void Planner::tell_holders(const PinholeKey& key, TimePoint now, Plan& plan) const {
    const auto told = std::find_if(plan.changes.begin(), plan.changes.end(), [&key](const PinholeChange& change) {
        return change.key == key && change.kind != PinholeChange::Kind::remove;
    });
    if (told != plan.changes.end()) {
        (void)name_holders(*told);
        return;
    }
    const auto* pinhole = pinholes_.find(key);
    if (pinhole == nullptr) return;
    // Perhaps packets pass already. Of a file no more than its time: it ends with its connection.
    const Purpose purpose = pinhole->purpose;
    Duration timeout = pinholes_.timeout(purpose, false);
    if (purpose.role != PortRole::file) timeout = std::max(timeout, pinholes_.silence(key.transport));
    PinholeChange change{PinholeChange::Kind::refresh,
                         key,
                         purpose,
                         pinhole->hold_until ? *pinhole->hold_until - now : timeout,
                         {},
                         pinhole->outside};
    if (name_holders(change)) plan.changes.push_back(change);
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
