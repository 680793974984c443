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

/// Of the bindings of the user, which all come back, in one Contact line or several. Ours is among them, and without
/// our own being told apart the longest counts. Absent if none says how long it lives.
[[nodiscard]] std::optional<std::uint32_t> longest_lifetime(const SipMessageView& message) {
    std::optional<std::uint32_t> longest;
    for (const HeaderLine& line : message.lines()) {
        if (line.id != HeaderId::contact) continue;
        std::string_view contacts = message.value_of(line);
        while (!contacts.empty()) {
            const auto one = lifetime(message, next_list_value(contacts));
            if (one) longest = std::max(longest.value_or(0), *one);
        }
    }
    return longest;
}

/// Of the host that sends REGISTERs. The answer repeats what it is made of.
[[nodiscard]] RegistrationTable::Key key_of(const SipMessageView& message, const IpAddress& host,
                                            const IpAddress& registrar) {
    return {host, registrar, dialog_key(make_call_key(message.call_id()), make_tag(address_of_record(message.to())))};
}

/// The Contact value that counts: a client that has moved may take back where it was in the same message.
[[nodiscard]] std::string_view first_that_stays(const SipMessageView& message) {
    std::string_view contacts = message.value(HeaderId::contact);
    const std::string_view first = next_list_value(contacts);
    for (std::string_view one = first; !one.empty(); one = next_list_value(contacts)) {
        if (lifetime(message, one) != 0U) return one;
    }
    return first;
}

}  // namespace

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
    const std::string_view contact = first_that_stays(message);
    if (contact.empty()) return;  // a query (RFC 3261 section 10.2.3)
    Registration* registration = open(message, tuple, now, plan);
    if (registration == nullptr) return;
    registration->cseq = message.cseq();
    registration->from = make_tag(message.from_tag());
    registration->branch = make_branch(message.top_via());
    registration->ends = contact == "*" || lifetime(message, contact) == 0U;
    if (contact == "*") return;  // takes all bindings back; which one is ours is known from before
    auto named = parse_contact(contact, tuple.transport);
    if (named && is_out_of_range(*named, tuple, policy)) {
        RefuseEvent refused;
        refused.reason = RefuseReason::contact_out_of_range;
        refused.tuple = tuple;
        refused.announced = named->endpoint.address;
        refused.port = named->endpoint.port;
        refused.allowed = policy.dynamic_sip_ports;
        refused.user = address_of_record(message.from());
        refused.call_id = message.call_id();
        plan.events.emplace_back(refused);
        named.reset();
    }
    // A name leads nowhere that we can know, and somebody else's address is not believed (security rule 1).
    const bool own = named && named->endpoint.address == tuple.source.address;
    registration->contact = own ? *named : Contact{tuple.source, tuple.transport};
}

RegistrationTable::Registration* RegistrationTable::open(const SipMessageView& message, const FlowTuple& tuple,
                                                         TimePoint now, Plan& plan) {
    const Key key = key_of(message, tuple.source.address, tuple.destination.address);
    const auto found = registrations_.find(key);
    if (found != registrations_.end()) return &found->second;
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
    registration.contact = {tuple.source, tuple.transport};
    registration.expires = now + limits_.transaction;  // until the registrar says more
    deadlines_.queue(key, registration.expires, registration, registrations_);
    return &registration;
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
    std::optional<std::uint32_t> seconds = longest_lifetime(message);
    // Those that stay when ours is taken back are of the user's other devices.
    if (registration.ends || message.value(HeaderId::contact).empty()) seconds = 0;
    const std::uint32_t granted = std::min(seconds.value_or(kDefaultSeconds), kLongestSeconds);
    set_accepted(key, registration, granted > 0);
    registration.expires = now + (granted > 0 ? std::chrono::seconds(granted) : limits_.transaction);
    deadlines_.queue_earlier(key, registration.expires, registration, registrations_);
    plan.events.emplace_back(RegistrationEvent{registration.contact.endpoint, tuple, granted, message.call_id()});
    return Settled{&registration, std::chrono::seconds(granted)};
}

void RegistrationTable::set_accepted(const Key& key, Registration& registration, bool accepted) {
    if (registration.accepted == accepted) return;
    registration.accepted = accepted;
    const auto host = hosts_.find(key.host);
    if (host == hosts_.end()) return;
    if (accepted) {
        ++host->second.accepted;
    } else {
        --host->second.accepted;
    }
}

void RegistrationTable::leave(const IpAddress& host) {
    const auto found = hosts_.find(host);
    if (found != hosts_.end() && --found->second.registrations == 0) hosts_.erase(found);
}

}  // namespace messenger::alg
