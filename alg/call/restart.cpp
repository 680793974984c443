// SPDX-License-Identifier: GPL-2.0-or-later
// The part of Signalling that carries calls over a restart: what the kernel has is the store.
#include <algorithm>

#include "alg/call/signalling.h"

namespace messenger::alg {

namespace {

constexpr Duration kShortestRestore = std::chrono::seconds(5);

}  // namespace

void Signalling::restore(const PinholeKey& key, Purpose purpose, const CallLabel& label, Duration remaining,
                         TimePoint now) {
    // Pinholes of a call mostly come one after the other, so it stays at hand until one of another comes.
    if (!calls_.is_at_hand(label.call)) calls_.release();
    Call& call = calls_.restore(label.call, label.call_id, key.inside.address, now);
    auto dialog = std::find_if(call.dialogs.begin(), call.dialogs.end(),
                               [&label](const Dialog& known) { return known.restored_key == label.dialog; });
    if (dialog == call.dialogs.end()) {
        call.dialogs.emplace_back();
        dialog = call.dialogs.end() - 1;
        dialog->state = Dialog::State::confirmed;
        dialog->restored_key = label.dialog;
        dialog->deadline = now + limits_.call;
        restore_fixed(label, key.inside.address, *dialog, now);
    }
    dialog->restored.push_back(key);
    call.open.push_back({key, purpose, false, 0});
    pinholes_.restore(key, purpose, call.key, remaining, now);
    if (dialog->deadline_reason == CloseReason::signed_off) {
        // The packet path prolongs those that are in use, so none but the others says exactly when it was to end.
        dialog->deadline = std::max(dialog->deadline, now + remaining - limits_.transaction);
    }
    // They carry any number of connections.
    if (dialog->deadline_reason != CloseReason::expired) pinholes_.keep_until(key, now + remaining, now);
    calls_.schedule(call);
}

/// If it is the dialog of a host's fixed ports, it ends with what they are open for.
void Signalling::restore_fixed(const CallLabel& label, const IpAddress& host, Dialog& dialog, TimePoint now) {
    if (label.call == make_call_key(fixed_key_of(true, host))) {
        // Only if a TLS connection is still there, too, does it go on.
        dialog.deadline = now + kShortestRestore;
        dialog.deadline_reason = CloseReason::tls_ended;
    } else if (label.call == make_call_key(fixed_key_of(false, host))) {
        // As long as the kernel was told that the registration lives: see restore().
        dialog.deadline = now;
        dialog.deadline_reason = CloseReason::signed_off;
    }
}

void Signalling::snapshot(TimePoint now, Plan& plan) const {
    plan.clear();
    plan.changes.reserve(pinholes_.size());
    std::optional<CallLabel> label;
    for (const auto& [key, pinhole] : pinholes_.all()) {
        const auto holders = pinhole.calls.all();
        if (holders.empty()) continue;
        // Those of a call are mostly side by side.
        if (!label || label->call != holders.front()) label = calls_.label_of(holders.front());
        if (!label) continue;
        const TimePoint until = pinhole.hold_until.value_or(pinhole.deadline);
        // Media that flows is not seen here, so the deadline may just be about to be asked for.
        const Duration left = std::max<Duration>(until - now, kShortestRestore);
        plan.changes.push_back({PinholeChange::Kind::add, key, pinhole.purpose, left, *label, pinhole.outside});
        if (holders.size() > 1) (void)planner_.name_holders(plan.changes.back());
    }
    for (const auto& [key, binding] : bindings_.all()) {
        if (!BindingTable::is_held(binding)) continue;
        BindingChange change{
            BindingChange::Kind::add, key.transport, key.inside, {key.outside, binding.port}, {}, true, CallLabel{}};
        const Call* call = binding.calls.empty() ? nullptr : calls_.find(binding.calls.front());
        if (call != nullptr) {
            change.listener = false;
            change.timeout = std::max<Duration>(call->started + limits_.call - now, kShortestRestore);
            change.label = calls_.label_of(binding.calls.front()).value_or(CallLabel{});
        } else if (binding.listens_until) {
            change.timeout = std::max<Duration>(*binding.listens_until - now, kShortestRestore);
        } else {
            continue;
        }
        plan.bindings.push_back(change);
    }
    for (const auto& [tuple, connection] : tls_.all()) {
        if (!connection.live) continue;
        plan.tls_flows.push_back({TlsFlowChange::Kind::add, tuple, policy_.tls.silence});
    }
    for (const auto& [key, callback] : callbacks_.all()) {
        plan.callbacks.push_back({CallbackChange::Kind::add, key.transport, key.inside, key.remote, callback.outside,
                                  std::max<Duration>(callback.until - now, kShortestRestore), false,
                                  callback.held_by()});
    }
}

void Signalling::restore_binding(const BindingKey& key, std::uint16_t outside_port,
                                 const std::optional<CallLabel>& label, Duration remaining, TimePoint now) {
    if (!label) {
        (void)bindings_.restore(key, outside_port, std::nullopt, now + remaining);
        return;
    }
    restore_holder(key, outside_port, label->call);
}

void Signalling::restore_outside(const PinholeKey& key, const Endpoint& outside) {
    const auto* pinhole = pinholes_.find(key);
    if (pinhole == nullptr) return;
    if (pinhole->purpose.role == PortRole::t120) {
        if (bindings_.claim(key.transport, outside, key.remote, key.inside)) pinholes_.set_outside(key, outside);
        return;
    }
    // A binding bears the name of one call. Others may share it, with pinholes of their own or the same.
    const BindingKey binding{key.transport, key.inside, outside.address};
    for (const std::uint64_t holder : pinhole->calls) restore_holder(binding, outside.port, holder);
}

void Signalling::restore_holder(const BindingKey& key, std::uint16_t outside_port, std::uint64_t holder) {
    const auto* known = bindings_.find(key);
    if (known != nullptr && known->calls.has(holder)) return;
    Call* call = calls_.find(holder);
    if (call == nullptr || !bindings_.restore(key, outside_port, holder, std::nullopt)) return;
    if (std::find(call->bindings.begin(), call->bindings.end(), key) == call->bindings.end()) {
        call->bindings.push_back(key);
    }
    // Its pinholes lead to their outside ends again.
    for (const OpenPinhole& pinhole : call->open) {
        if (pinhole.key.transport == key.transport && pinhole.key.inside == key.inside) {
            pinholes_.set_outside(pinhole.key, Endpoint{key.outside, outside_port});
        }
    }
    calls_.release();
}

std::optional<Endpoint> Signalling::outside_of(Transport transport, const Endpoint& inside,
                                               const IpAddress& remote) const {
    for (const bool any : {false, true}) {
        const auto* pinhole = pinholes_.find({transport, any, inside, any ? IpAddress{} : remote});
        if (pinhole != nullptr) return pinhole->outside;
    }
    return outside_of({transport, inside, remote});
}

}  // namespace messenger::alg
