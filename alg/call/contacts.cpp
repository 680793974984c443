// SPDX-License-Identifier: GPL-2.0-or-later
// The part of Signalling that knows where inside hosts are called: the bindings of their Contacts under NAT, and the
// registrars that may call them there.
#include <algorithm>

#include "alg/base/text.h"
#include "alg/call/signalling.h"
#include "alg/sip/fields.h"

namespace messenger::alg {

namespace {

constexpr std::uint16_t kSipPort = 5060;

/// The endpoint that a Contact value asks to be called at, if it is for us to change: the first server takes what it
/// sees itself in place of a Contact with proxy=replace.
[[nodiscard]] std::optional<Contact> callable(std::string_view value, Transport via) {
    const auto address = parse_name_address(value);
    if (!address) return std::nullopt;
    const auto replaced = find_parameter(address->parameters, "proxy");
    if (replaced && equals_ignoring_case(*replaced, "replace")) return std::nullopt;
    const auto contact = parse_contact(value, via);
    return contact && contact->endpoint.address.is_v4() ? contact : std::nullopt;
}

}  // namespace

/// NAT: what a message of an inside host asks to be called at needs an outside number before it leaves.
void Signalling::announce_contacts(const Passing& passing, Plan& plan) {
    const FlowTuple& tuple = passing.tuple;
    if (!policy_.inside.contains(tuple.source.address)) return;
    const auto listen = [&](const Contact& contact) {
        if (contact.endpoint.address != tuple.source.address || !may_be_called(contact.endpoint.port, policy_)) return;
        // Until the registrar says more; in a dialog for as long as that may live.
        const bool registers = passing.message.method() == Method::register_;
        const TimePoint until = passing.now + (registers ? limits_.transaction : limits_.call);
        const BindingKey key{contact.transport, contact.endpoint, passing.nat->outside};
        const bool own_flow = contact.transport == tuple.transport && contact.endpoint == tuple.source;
        const auto outcome = bindings_.listen(key, own_flow ? passing.flow_port : std::uint16_t{0}, until, passing.now);
        tell_listener(outcome, key, passing, plan);
    };
    for (const HeaderLine& line : passing.message.lines()) {
        if (line.id != HeaderId::contact) continue;
        std::string_view values = passing.message.value_of(line);
        while (!values.empty()) {
            if (const auto contact = callable(next_list_value(values), tuple.transport)) listen(*contact);
        }
    }
    if (tuple.transport != Transport::udp || !passing.message.is_request()) return;
    // An answer goes to the port of sent-by unless rport asks otherwise (RFC 3261 section 18.2.2, RFC 3581).
    const auto via = parse_via(passing.message.top_via());
    const auto address = via ? IpAddress::parse(via->host) : std::nullopt;
    if (!address || find_parameter(via->parameters, "rport")) return;
    listen({{*address, via->port == 0 ? kSipPort : via->port}, Transport::udp});
}

void Signalling::tell_listener(BindingTable::Listening outcome, const BindingKey& key, const Passing& passing,
                               Plan& plan) {
    if (outcome == BindingTable::Listening::no_port) {
        RefuseEvent refused;
        refused.reason = RefuseReason::no_outside_port;
        refused.tuple = passing.tuple;
        refused.announced = key.inside.address;
        refused.port = key.inside.port;
        refused.call_id = passing.message.call_id();
        plan.events.emplace_back(refused);
        return;
    }
    const auto timeout = bindings_.take_news(key, limits_.call, passing.now);
    if (!timeout) return;
    const auto port = bindings_.outside_port(key);
    const auto kind =
        outcome == BindingTable::Listening::added ? BindingChange::Kind::add : BindingChange::Kind::refresh;
    plan.bindings.push_back(
        {kind, key.transport, key.inside, {key.outside, port.value_or(0)}, *timeout, true, CallLabel{}});
}

void Signalling::on_register(const Passing& passing, Plan& plan) {
    const auto settled = registrations_.on_message(passing.message, passing.tuple, policy_, passing.now, plan);
    if (!settled) return;
    const IpAddress& registrar = passing.tuple.source.address;
    const auto restored = callbacks_.restored_of(passing.tuple.destination.address, settled->user);
    for (const CallbackTable::Key& key : settled->left) {
        callbacks_.release(key, TimePoint::max());
        tell_holders(key, passing.now, plan);
    }
    for (const RegistrationTable::Ended& ended : settled->ended) {
        sign_off(ended.callback, ended.held, settled->user, passing.now, plan);
    }
    for (const RegistrationTable::Stays& stays : settled->stays) {
        const Contact& contact = stays.binding->contact;
        if (!may_be_called(contact.endpoint.port, policy_) || policy_.inside.contains(registrar)) continue;
        const CallbackTable::Key key{contact.transport, contact.endpoint, registrar};
        stays.binding->holds = allow_callback(passing, key, settled->user, stays.lifetime, stays.binding->holds, plan);
    }
    settle_restored(*settled, restored, passing, plan);
    if (!settled->handed_on) follow_registration(passing, settled->lifetime, plan);
}

/// Of a user's sessions from before a restart only the callbacks are known. What he takes back ends at his other
/// registrars, too (see RegistrationTable::end), unless it was accepted later there, and so ends later. What else he
/// had he has left, once he is registered anew.
void Signalling::settle_restored(const RegistrationTable::Settled& settled, const CallbackTable::RestoredList& restored,
                                 const Passing& passing, Plan& plan) {
    const auto is_taken_back = [&](const CallbackTable::Key& had) {
        return settled.ends_all ||
               std::any_of(settled.ended.begin(), settled.ended.end(), [&](const RegistrationTable::Ended& ended) {
                   return ended.callback.inside == had.inside && ended.callback.transport == had.transport;
               });
    };
    const auto is_later = [&](const CallbackTable::Restored& had) {
        const CallbackTable::Key here{had.key.transport, had.key.inside, passing.tuple.source.address};
        return std::any_of(restored.begin(), restored.end(), [&](const CallbackTable::Restored& other) {
            return other.key == here && other.until < had.until;
        });
    };
    for (const CallbackTable::Restored& had : restored) {
        const bool ends = is_taken_back(had.key) && !is_later(had);
        if (!ends && settled.stays.empty()) continue;
        if (!callbacks_.hear_of(had.key, settled.user)) continue;  // that has been seen to
        if (ends) {
            sign_off(had.key, false, settled.user, passing.now, plan);
        } else {
            tell_holders(had.key, passing.now, plan);
        }
    }
}

void Signalling::sign_off(const CallbackTable::Key& key, bool held, std::uint64_t user, TimePoint now, Plan& plan) {
    if (callbacks_.sign_off(key, held, user)) {
        end_callback(key, plan);
    } else {
        tell_holders(key, now, plan);
    }
}

/// The kernel is to know who holds a callback that goes on.
void Signalling::tell_holders(const CallbackTable::Key& key, TimePoint now, Plan& plan) {
    const auto* known = callbacks_.find(key);
    if (known == nullptr || known->until <= now) return;
    plan.callbacks.push_back({CallbackChange::Kind::refresh, key.transport, key.inside, key.remote, known->outside,
                              known->until - now, false, callbacks_.tell(key)});
}

bool Signalling::allow_callback(const Passing& passing, const CallbackTable::Key& key, std::uint64_t user,
                                Duration lifetime, bool held, Plan& plan) {
    if (is_blocked(key)) return held;
    std::optional<Endpoint> outside;
    const TimePoint until = passing.now + lifetime + limits_.transaction;
    if (passing.nat != nullptr && key.inside.address.is_v4()) {
        const BindingKey binding{key.transport, key.inside, passing.nat->outside};
        const auto outcome = bindings_.listen(binding, 0, until, passing.now);
        tell_listener(outcome, binding, passing, plan);
        const auto port = bindings_.outside_port(binding);
        if (!port) {  // what it had until now leads in for its time
            if (held) callbacks_.release(key, TimePoint::max());
            return false;
        }
        outside = Endpoint{passing.nat->outside, *port};
    }
    const auto before = outside_of(key);
    const auto allowed = callbacks_.allow(key, outside, until, held, user);
    if (allowed == CallbackTable::Allowed::full) {
        RefuseEvent refused = refusal(passing, RefuseReason::too_many_registrations);
        refused.tuple = passing.tuple.reversed();  // the inside host's
        refused.announced = key.inside.address;
        refused.port = key.inside.port;
        plan.events.emplace_back(refused);
        return false;
    }
    tell_callback(key, allowed, before, passing.now, plan);
    return true;
}

void Signalling::tell_callback(const CallbackTable::Key& key, CallbackTable::Allowed allowed,
                               const std::optional<Endpoint>& before, TimePoint now, Plan& plan) {
    const CallbackTable::Callback& callback = *callbacks_.find(key);
    CallbackChange change{CallbackChange::Kind::add, key.transport,       key.inside, key.remote,
                          callback.outside,          callback.until - now};
    change.holders = callbacks_.tell(key);
    const bool known = allowed == CallbackTable::Allowed::prolonged;
    if (known && callback.outside == before) change.kind = CallbackChange::Kind::refresh;
    if (known && callback.outside != before) {
        plan.callbacks.push_back({CallbackChange::Kind::remove, key.transport, key.inside, key.remote, before, {}});
    }
    plan.callbacks.push_back(change);
}

void Signalling::end_callback(const CallbackTable::Key& key, Plan& plan) {
    const auto* known = callbacks_.find(key);
    if (known == nullptr || known->holders > 0) return;
    CallbackChange change{CallbackChange::Kind::remove, key.transport, key.inside, key.remote, known->outside, {}};
    callbacks_.forbid(key);
    change.last = !callbacks_.is_listener({{key.remote, 0}, key.inside, key.transport});
    plan.callbacks.push_back(change);
}

void Signalling::end_registrations(TimePoint now, Plan& plan) {
    registrations_.expire(now, [&](const RegistrationTable::Key& key, const RegistrationTable::Binding& binding) {
        const TimePoint end = binding.expires + limits_.transaction;
        if (binding.holds) {
            const CallbackTable::Key callback{binding.contact.transport, binding.contact.endpoint, key.registrar};
            callbacks_.release(callback, end);
            // Without any holder it is over soon.
            const auto* known = callbacks_.find(callback);
            const bool goes_on = known != nullptr && (known->holders > 0 || known->restored_until > end);
            if (goes_on) tell_holders(callback, now, plan);
        }
        close_fixed_of_nobody(key.host, end);
    });
}

void Signalling::end_listeners(TimePoint now, Plan& plan) {
    callbacks_.expire(
        now,
        [&](const CallbackTable::Key& key, const CallbackTable::Callback& callback) {
            const bool last = !callbacks_.is_listener({{key.remote, 0}, key.inside, key.transport});
            plan.callbacks.push_back(
                {CallbackChange::Kind::remove, key.transport, key.inside, key.remote, callback.outside, {}, last});
        },
        [&](const CallbackTable::Key& key) {
            tell_holders(key, now, plan);
            close_fixed_of_nobody(key.inside.address, now + limits_.transaction);
        });
    bindings_.expire(now, [&](const BindingKey& key, std::uint16_t port) {
        plan.bindings.push_back(
            {BindingChange::Kind::remove, key.transport, key.inside, {key.outside, port}, {}, true, CallLabel{}});
    });
}

void Signalling::restore_callback(const CallbackTable::Key& key, const std::optional<Endpoint>& outside,
                                  const CallbackHolders& holders, Duration remaining, TimePoint now) {
    (void)callbacks_.restore(key, outside, now + remaining, holders);
}

}  // namespace messenger::alg
