// SPDX-License-Identifier: GPL-2.0-or-later
// The part of Signalling that opens Messenger's fixed ports to an inside host although no message announces them: as
// long as it is registered, for sites that choose so (Policy::fixed_ranges), and as long as it has a TLS connection to
// its server, whose messages nobody can read (Policy::tls). Such a host has a call of its own for either, under a key
// that no Call-ID can have, whose one dialog wants these ports until its deadline.
#include <algorithm>
#include <string>

#include "alg/call/signalling.h"

namespace messenger::alg {

namespace {

/// For people: "registered 10.1.2.3".
[[nodiscard]] std::string label_of(bool tls, const IpAddress& host) {
    return (tls ? "tls " : "registered ") + host.to_string();
}

/// What hides the host by now; 0.0.0.0 if nothing does.
[[nodiscard]] IpAddress behind_of(const Call& call, const Dialog& dialog) {
    if (dialog.fixed_for) return dialog.fixed_for->behind;
    return call.bindings.empty() ? IpAddress{} : call.bindings.front().outside;  // after a restart
}

}  // namespace

/// As a key there stands a line end before the address: in a header a blank would follow it.
std::string fixed_key_of(bool tls, const IpAddress& host) {
    return (tls ? "tls\n" : "registered\n") + host.to_string();
}

void Signalling::hold_fixed(const FixedHold& hold, Plan& plan) {
    const IpAddress& host = hold.fixed.host;
    const bool tls = hold.fixed.media;
    const std::uint64_t key = make_call_key(fixed_key_of(tls, host));
    Call* call = calls_.find(key);
    if (call == nullptr && !hold.until) return;
    if (call == nullptr) call = calls_.add(key, label_of(tls, host), host, std::nullopt, hold.now);
    if (call == nullptr) {
        RefuseEvent refused;
        refused.reason = RefuseReason::too_many_calls;
        refused.tuple = hold.asked;
        plan.events.emplace_back(refused);
        return;
    }
    if (call->dialogs.empty()) call->dialogs.emplace_back();
    Dialog& dialog = call->dialogs.front();
    if (!dialog.alive()) dialog = Dialog{};
    dialog.state = Dialog::State::confirmed;
    dialog.deadline_reason = tls ? CloseReason::tls_ended : CloseReason::signed_off;
    // What was found after a restart may have been prolonged by what passed.
    const bool guessed = !dialog.restored.empty() && !hold.others;
    dialog.restored.clear();  // from before a restart: they are what fixed_for asks for
    const IpAddress behind = behind_of(*call, dialog);
    dialog.fixed_for = hold.fixed;
    // A server inside is reached by the host's own address, which says nothing about what those outside see of it.
    if (hold.fixed.behind.is_unspecified()) dialog.fixed_for->behind = behind;
    if (!hold.until) {
        end(dialog, hold.now, plan);
    } else {
        dialog.deadline = hold.may_shorten || guessed ? *hold.until : std::max(dialog.deadline, *hold.until);
    }
    planner_.apply(*call, dialog.deadline_reason, hold.now, hold.asked, plan);
    calls_.schedule(*call);
}

void Signalling::follow_registration(const Passing& passing, Duration lifetime, Plan& plan) {
    FixedHold hold;
    hold.fixed.host = passing.tuple.destination.address;
    if (passing.nat != nullptr) hold.fixed.behind = passing.nat->outside;
    hold.asked = passing.tuple.reversed();
    hold.now = passing.now;
    hold.may_shorten = lifetime == Duration{};
    // For a host for which they are not to be open, what was open before a restart ends.
    if (policy_.fixed_ranges == FixedRanges::registered) {
        // Somebody else on the host may be registered, too, so a sign-off ends only what no other registration needs.
        hold.others = callbacks_.has_restored_users(hold.fixed.host);
        if (hold.may_shorten && (hold.others || registrations_.has_accepted(hold.fixed.host))) return;
        // It may be about to be prolonged.
        if (!hold.may_shorten) hold.until = passing.now + lifetime + limits_.transaction;
    }
    hold_fixed(hold, plan);
}

void Signalling::close_fixed_of_nobody(const IpAddress& host, TimePoint end) {
    if (policy_.fixed_ranges != FixedRanges::registered) return;
    if (registrations_.has_accepted(host) || callbacks_.has_restored_users(host)) return;
    Call* call = calls_.find(make_call_key(fixed_key_of(false, host)));
    if (call == nullptr) return;
    for (Dialog& dialog : call->dialogs) {
        if (dialog.alive()) dialog.deadline = std::min(dialog.deadline, end);
    }
    calls_.schedule(*call);
    calls_.settle();
}

void Signalling::on_tls(const FlowTuple& tuple, TlsTable::Event event, const IpAddress& behind, TimePoint now,
                        Plan& plan) {
    if (event == TlsTable::Event::began) {
        TlsTable::Connection* connection = tls_.find(tuple);
        if (connection != nullptr) connection->behind = behind;
        plan.tls_flows.push_back({TlsFlowChange::Kind::add, tuple, policy_.tls.silence});
    }
    if (event == TlsTable::Event::ended) plan.tls_flows.push_back({TlsFlowChange::Kind::remove, tuple, {}});
    const bool matters =
        event == TlsTable::Event::began || event == TlsTable::Event::goes_on || event == TlsTable::Event::ended;
    if (!matters) return;
    FixedHold hold;
    hold.fixed.host = tuple.source.address;
    hold.fixed.media = true;
    hold.asked = tuple;
    hold.now = now;
    if (!policy_.tls.servers.empty()) {
        const std::size_t live = tls_.live_of(tuple.source.address);
        const TlsTable::Connection* connection = tls_.find(tuple);
        if (connection == nullptr && live > 0) return;  // each of the others tells of its own end
        if (connection != nullptr) {
            hold.fixed.behind = connection->behind;
            hold.until = connection->until + limits_.transaction;
        }
        hold.may_shorten = live <= 1;
    }
    hold_fixed(hold, plan);
}

void Signalling::expire_tls(TimePoint now, PinholeWitness* witness, Plan& plan) {
    tls_.expire(
        now,
        [&](const FlowTuple& tuple) { return witness == nullptr ? std::nullopt : witness->remaining_of_tls(tuple); },
        [&](const FlowTuple& tuple) {
            on_tls(tuple, TlsTable::Event::goes_on, {}, now, plan);
            calls_.settle();
        },
        [&](const FlowTuple& tuple) {
            on_tls(tuple, TlsTable::Event::ended, {}, now, plan);
            calls_.settle();
        });
}

}  // namespace messenger::alg
