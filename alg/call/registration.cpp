// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/registration.h"

#include <algorithm>

#include "alg/base/text.h"
#include "alg/call/dialog.h"
#include "alg/sip/fields.h"

namespace messenger::alg {

namespace {

constexpr std::uint32_t kDefaultSeconds = 3600;    // RFC 3261 section 10.2
constexpr std::uint32_t kLongestSeconds = 86'400;  // whatever a registrar grants

/// The lifetime that a message names: the Contact's own beats Expires (RFC 3261 section 10.2.1.1).
[[nodiscard]] std::optional<std::uint32_t> lifetime(const SipMessageView& message, std::string_view contact) {
    if (const auto address = parse_name_address(contact)) {
        if (const auto own = find_parameter(address->parameters, "expires")) {
            if (const auto seconds = parse_seconds(*own)) return seconds;
        }
    }
    return parse_seconds(message.value(HeaderId::expires));
}

[[nodiscard]] RegistrationTable::Name name_of(std::string_view contact, Transport via) {
    const auto address = parse_name_address(contact);
    const std::string_view uri = address ? address->uri : contact;
    const auto at = parse_contact(contact, via);
    const auto parts = at ? parse_sip_uri(uri) : std::nullopt;
    return {at, make_tag(parts ? parts->user : uri)};
}

/// The answer has all Contacts of the user. A registrar may change the user part, and who is behind NAT, or a proxy,
/// does not come back as he was sent at all: then the longest lifetime counts, for ours is among them. 0 if the user
/// has none.
[[nodiscard]] std::uint32_t granted_to(const RegistrationTable::Name& name, const SipMessageView& answer,
                                       Transport via) {
    std::optional<std::uint32_t> longest;
    std::optional<std::uint32_t> there;
    std::optional<std::uint32_t> own;
    bool any = false;
    each_contact(answer, [&](std::string_view contact) {
        any = true;
        const auto one = lifetime(answer, contact);
        const std::uint32_t granted = one.value_or(kDefaultSeconds);
        const RegistrationTable::Name listed = name_of(contact, via);
        if (one) longest = std::max(longest.value_or(0), granted);
        if (listed.at && listed.at == name.at) there = std::max(there.value_or(0), granted);
        if (listed == name) own = std::max(own.value_or(0), granted);
    });
    if (!any) return 0;
    const auto& ours = own ? own : there ? there : longest;
    return std::min(ours.value_or(kDefaultSeconds), kLongestSeconds);
}

/// Of the host that sends REGISTERs. The answer repeats what it is made of.
[[nodiscard]] RegistrationTable::Key key_of(const SipMessageView& message, const IpAddress& host,
                                            const IpAddress& registrar) {
    return {host, registrar, dialog_key(make_call_key(message.call_id()), make_tag(address_of_record(message.to())))};
}

/// Whether a proxy hands on what another host has sent it: each host on the way adds a Via (RFC 3261 section 16.6).
[[nodiscard]] bool is_handed_on(const SipMessageView& message) {
    std::string_view vias = message.value(HeaderId::via);
    (void)next_list_value(vias);
    const auto is_via = [](const HeaderLine& line) { return line.id == HeaderId::via; };
    return !vias.empty() || std::count_if(message.lines().begin(), message.lines().end(), is_via) > 1;
}

template <class Values, class Which>
void drop_if(Values& values, Which&& which) {
    values.erase(std::remove_if(values.begin(), values.end(), which), values.end());
}

[[nodiscard]] CallbackTable::Key callback_of(const RegistrationTable::Key& key, const Contact& contact) {
    return {contact.transport, contact.endpoint, key.registrar};
}

/// There are no more bindings to come or to go, so they stay where they are.
void name_what_stays(RegistrationTable::Registration& registration, TimePoint now,
                     RegistrationTable::Settled& settled) {
    for (const auto& one : registration.asked) {
        auto* const binding = registration.find(one.name);
        if (binding == nullptr) continue;
        const Duration lifetime = binding->expires - now;
        settled.stays.push_back({binding, lifetime});
        settled.lifetime = std::max(settled.lifetime, lifetime);
    }
}

}  // namespace

TimePoint RegistrationTable::Registration::due() const {
    if (bindings.empty()) return waits_until;
    return std::min_element(bindings.begin(), bindings.end(),
                            [](const Binding& one, const Binding& other) { return one.expires < other.expires; })
        ->expires;
}

RegistrationTable::Binding* RegistrationTable::Registration::find(const Name& name) {
    const auto found = std::find_if(bindings.begin(), bindings.end(),
                                    [&name](const Binding& binding) { return binding.name == name; });
    return found == bindings.end() ? nullptr : &*found;
}

std::optional<RegistrationTable::Settled> RegistrationTable::on_message(const SipMessageView& message,
                                                                        const FlowTuple& tuple, const Policy& policy,
                                                                        TimePoint now, Plan& plan) {
    if (message.is_request()) {
        if (policy.inside.contains(tuple.source.address)) on_request(message, tuple, policy, now, plan);
        return std::nullopt;
    }
    if (!policy.inside.contains(tuple.destination.address)) return std::nullopt;
    return on_response(message, tuple, now, plan);
}

void RegistrationTable::on_request(const SipMessageView& message, const FlowTuple& tuple, const Policy& policy,
                                   TimePoint now, Plan& plan) {
    if (message.value(HeaderId::contact).empty()) return;  // a query (RFC 3261 section 10.2.3)
    Registration* registration = open(message, tuple, now, plan);
    if (registration == nullptr) return;
    registration->cseq = message.cseq();
    registration->from = make_tag(message.from_tag());
    registration->branch = make_branch(message.top_via());
    registration->waits_until = now + limits_.transaction;
    registration->asked.clear();
    registration->ends_all = false;
    registration->handed_on = is_handed_on(message);
    each_contact(message, [&](std::string_view contact) { ask(message, contact, tuple, policy, *registration, plan); });
}

void RegistrationTable::ask(const SipMessageView& message, std::string_view contact, const FlowTuple& tuple,
                            const Policy& policy, Registration& registration, Plan& plan) const {
    const auto refuse = [&](RefuseReason reason) {
        RefuseEvent refused;
        refused.reason = reason;
        refused.tuple = tuple;
        refused.user = address_of_record(message.from());
        refused.call_id = message.call_id();
        return refused;
    };
    if (contact == "*") {  // which they are is known from before; else the host itself is meant
        registration.ends_all = true;
        registration.asked.assign(1, {{}, {tuple.source, tuple.transport}, true});
        return;
    }
    if (registration.asked.size() >= kContacts) {
        plan.events.emplace_back(refuse(RefuseReason::too_many_registrations));
        return;
    }
    const bool ends = lifetime(message, contact) == 0U;
    auto named = parse_contact(contact, tuple.transport);
    if (named && !ends && is_out_of_range(*named, tuple, policy)) {
        RefuseEvent refused = refuse(RefuseReason::contact_out_of_range);
        refused.announced = named->endpoint.address;
        refused.port = named->endpoint.port;
        refused.allowed = policy.dynamic_sip_ports;
        plan.events.emplace_back(refused);
        named.reset();
    }
    // A name leads nowhere that we can know, and somebody else's address is not believed (security rule 1); nor is what
    // somebody else has said of a proxy's own.
    const bool own = named && named->endpoint.address == tuple.source.address && !registration.handed_on;
    registration.asked.push_back(
        {name_of(contact, tuple.transport), own ? *named : Contact{tuple.source, tuple.transport}, ends});
}

RegistrationTable::Registration* RegistrationTable::open(const SipMessageView& message, const FlowTuple& tuple,
                                                         TimePoint now, Plan& plan) {
    const Key key = key_of(message, tuple.source.address, tuple.destination.address);
    const auto found = registrations_.find(key);
    if (found != registrations_.end()) {
        note_session(key, found->second);
        return &found->second;
    }
    const auto share = hosts_.find(key.host);
    const std::size_t of_host = share == hosts_.end() ? 0 : share->second.registrations;
    if (registrations_.size() >= limits_.registrations || of_host >= limits_.registrations_per_host) {
        RefuseEvent refused;
        refused.reason = RefuseReason::too_many_registrations;
        refused.tuple = tuple;
        refused.user = address_of_record(message.from());
        refused.call_id = message.call_id();
        plan.events.emplace_back(refused);
        return nullptr;
    }
    ++hosts_[key.host].registrations;
    Registration& registration = registrations_[key];
    registration.user = make_tag(address_of_record(message.to()));
    registration.waits_until = now + limits_.transaction;  // until the registrar says more
    queue(key, registration);
    note_session(key, registration);
    return &registration;
}

/// It is the latest of its user's.
void RegistrationTable::note_session(const Key& key, const Registration& registration) {
    Sessions& sessions = users_[{key.host, registration.user}];
    drop_if(sessions, [&key](const Key& one) { return one == key; });
    if (sessions.size() >= kSessions) sessions.erase(sessions.begin());
    sessions.push_back(key);
}

RegistrationTable::Sessions RegistrationTable::sessions_of(const Key& key, const Registration& registration) const {
    const auto found = users_.find({key.host, registration.user});
    Sessions sessions = found == users_.end() ? Sessions() : found->second;
    if (std::find(sessions.begin(), sessions.end(), key) == sessions.end()) sessions.push_back(key);
    return sessions;
}

std::optional<RegistrationTable::Settled> RegistrationTable::on_response(const SipMessageView& message,
                                                                         const FlowTuple& tuple, TimePoint now,
                                                                         Plan& plan) {
    // The registrar is who was asked: another host's answer settles nothing.
    const Key key = key_of(message, tuple.destination.address, tuple.source.address);
    const auto found = registrations_.find(key);
    if (found == registrations_.end()) return std::nullopt;
    Registration& registration = found->second;
    const bool repeats = message.cseq() == registration.cseq && registration.from == make_tag(message.from_tag()) &&
                         registration.branch == make_branch(message.top_via());
    if (!repeats) return std::nullopt;
    if (message.status() < 200 || message.status() >= 300) return std::nullopt;
    if (registration.asked.empty()) return std::nullopt;  // what ended ends once
    Settled settled;
    settled.user = registration.user;
    settled.ends_all = registration.ends_all;
    settled.handed_on = registration.handed_on;
    auto& asked = registration.asked;
    bool moved = false;
    for (Asked& one : asked) {
        const std::uint32_t seconds = one.ends ? 0 : granted_to(one.name, message, tuple.transport);
        one.ends = seconds == 0;
        if (one.ends) continue;
        moved = true;
        stay(key, one, std::chrono::seconds(seconds), now, settled);
        plan.events.emplace_back(RegistrationEvent{one.contact.endpoint, tuple, seconds, message.call_id()});
    }
    if (moved) leave(key, registration, settled);
    for (const Asked& one : asked) {
        if (!one.ends) continue;
        const std::size_t before = settled.ended.size();
        end(key, registration.ends_all ? nullptr : &one, one.contact, now, settled);
        for (std::size_t i = before; i < settled.ended.size(); ++i) {
            const Endpoint& ended = settled.ended[i].callback.inside;
            // At several registrars, perhaps.
            const bool told = i > before && settled.ended[i - 1].callback.inside == ended;
            if (!told) plan.events.emplace_back(RegistrationEvent{ended, tuple, 0, message.call_id()});
        }
    }
    drop_if(asked, [](const Asked& one) { return one.ends; });
    name_what_stays(registration, now, settled);
    return settled;
}

/// A session without any binding is kept as long as an answer may come.
template <class Which>
void RegistrationTable::drop(const Key& key, Registration& session, TimePoint now, Which&& which) {
    drop_if(session.bindings, which);
    session.waits_until = std::max(session.waits_until, now + limits_.transaction);
    count_accepted(key, session);
    if (session.due() < session.queued) queue(key, session);
}

/// A Contact is taken back, or with asked == nullptr all of the user's: whichever session it is of, for the binding of
/// an address of record is known by its Contact alone (RFC 3261 section 10.3). But a client that has gone over to
/// another registrar since is not gone.
void RegistrationTable::end(const Key& key, const Asked* asked, const Contact& unknown, TimePoint now,
                            Settled& settled) {
    const auto is_meant = [&](const Binding& binding) { return asked == nullptr || binding.name == asked->name; };
    Registration& own = registrations_.at(key);
    std::optional<TimePoint> known;
    for (const Binding& binding : own.bindings) {
        if (is_meant(binding)) known = std::max(known.value_or(binding.since), binding.since);
    }
    const TimePoint since = known.value_or(TimePoint::max());
    bool found = false;
    for (const Key& one : sessions_of(key, own)) {
        Registration& session = registrations_.at(one);
        for (const Binding& binding : session.bindings) {
            if (!is_meant(binding) || binding.since > since) continue;
            settled.ended.push_back({callback_of(one, binding.contact), binding.holds});
            found = true;
        }
        drop(one, session, now, [&](const Binding& binding) { return is_meant(binding) && binding.since <= since; });
    }
    // Another Contact of his may lead there, too.
    const bool in_use = std::any_of(own.bindings.begin(), own.bindings.end(),
                                    [&](const Binding& binding) { return binding.contact == unknown; });
    if (!found && !in_use) settled.ended.push_back({callback_of(key, unknown), false});
}

void RegistrationTable::stay(const Key& key, const Asked& asked, Duration lifetime, TimePoint now, Settled& settled) {
    Registration& registration = registrations_.at(key);
    Binding* binding = registration.find(asked.name);
    if (binding == nullptr) {
        binding = &registration.bindings.emplace_back();
        binding->name = asked.name;
        binding->contact = asked.contact;
        // The same Contact at the same registrar, in another session: that one has it no longer.
        for (const Key& other : sessions_of(key, registration)) {
            if (other == key || other.registrar != key.registrar) continue;
            Registration& session = registrations_.at(other);
            const Binding* before = session.find(asked.name);
            if (before == nullptr) continue;
            if (before->holds && before->contact == asked.contact && !binding->holds) {
                binding->holds = true;
            } else if (before->holds) {
                settled.left.push_back(callback_of(other, before->contact));
            }
            drop(other, session, now, [&](const Binding& one) { return one.name == asked.name; });
        }
    } else if (!(binding->contact == asked.contact)) {
        if (binding->holds) settled.left.push_back(callback_of(key, binding->contact));
        binding->contact = asked.contact;
        binding->holds = false;
    }
    binding->since = now;
    binding->expires = now + lifetime;
    count_accepted(key, registration);
    if (registration.due() < registration.queued) queue(key, registration);
}

/// Within a session a client that names other Contacts has moved. The registrar knows those before them until their
/// time has come.
void RegistrationTable::leave(const Key& key, Registration& registration, Settled& settled) {
    const auto is_left = [&](const Binding& binding) {
        return std::none_of(registration.asked.begin(), registration.asked.end(),
                            [&](const Asked& asked) { return asked.name == binding.name; });
    };
    for (const Binding& binding : registration.bindings) {
        if (is_left(binding) && binding.holds) settled.left.push_back(callback_of(key, binding.contact));
    }
    drop_if(registration.bindings, is_left);
}

void RegistrationTable::count_accepted(const Key& key, Registration& registration) {
    if (registration.accepted != registration.bindings.empty()) return;
    registration.accepted = !registration.bindings.empty();
    const auto host = hosts_.find(key.host);
    if (host == hosts_.end()) return;
    if (registration.accepted) {
        ++host->second.accepted;
    } else {
        --host->second.accepted;
    }
}

void RegistrationTable::erase(Registrations::iterator registration) {
    const Key key = registration->first;
    const auto user = users_.find({key.host, registration->second.user});
    if (user != users_.end()) {
        drop_if(user->second, [&key](const Key& one) { return one == key; });
        if (user->second.empty()) users_.erase(user);
    }
    const auto host = hosts_.find(key.host);
    if (host != hosts_.end() && --host->second.registrations == 0) hosts_.erase(host);
    registrations_.erase(registration);
}

void RegistrationTable::queue(const Key& key, Registration& registration) {
    deadlines_.queue(key, registration.due(), registration, registrations_);
}

}  // namespace messenger::alg
