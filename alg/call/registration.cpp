// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/registration.h"

#include <algorithm>

#include "alg/base/text.h"
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

[[nodiscard]] std::optional<Endpoint> endpoint_of(std::string_view contact) {
    const auto address = parse_name_address(contact);
    if (!address) return std::nullopt;
    const auto uri = parse_sip_uri(address->uri);
    if (!uri) return std::nullopt;
    return contact_endpoint(*uri);
}

}  // namespace

void RegistrationTable::on_message(const SipMessageView& message, const FlowTuple& tuple, const Policy& policy,
                                   TimePoint now, Plan& plan) {
    if (message.is_request()) {
        if (policy.inside.contains(tuple.source.address)) on_request(message, tuple, now);
    } else if (policy.inside.contains(tuple.destination.address)) {
        on_response(message, tuple, now, plan);
    }
}

void RegistrationTable::on_request(const SipMessageView& message, const FlowTuple& tuple, TimePoint now) {
    std::string_view contacts = message.value(HeaderId::contact);
    if (contacts.empty()) return;  // a query (RFC 3261 section 10.2.3)
    const std::string_view contact = next_list_value(contacts);
    auto found = registrations_.find(tuple.source);
    if (found == registrations_.end()) {
        if (registrations_.size() >= limits_.registrations) return;
        found = registrations_.try_emplace(tuple.source).first;
        found->second.expires = now + limits_.transaction;  // until the registrar says more
        found->second.queued = found->second.expires;
        deadlines_.push(found->second.queued, found->first);
    }
    Registration& registration = found->second;
    registration.signalling = tuple;
    registration.cseq = message.cseq();
    if (contact == "*") return;  // takes all bindings back; which one is ours is known from before
    const auto endpoint = endpoint_of(contact);
    // A name leads nowhere that we can know, and somebody else's address is not believed (security rule 1).
    registration.contact = endpoint && endpoint->address == tuple.source.address ? *endpoint : tuple.source;
}

void RegistrationTable::on_response(const SipMessageView& message, const FlowTuple& tuple, TimePoint now, Plan& plan) {
    const auto found = registrations_.find(tuple.destination);
    if (found == registrations_.end() || message.cseq() != found->second.cseq) return;
    Registration& registration = found->second;
    if (message.status() < 200 || message.status() >= 300) return;
    std::string_view contacts = message.value(HeaderId::contact);
    // All bindings of the user come back; ours is among them, and without our own being told apart the longest counts.
    std::optional<std::uint32_t> seconds;
    while (!contacts.empty()) {
        const auto one = lifetime(message, next_list_value(contacts));
        if (one) seconds = std::max(seconds.value_or(0), *one);
    }
    if (message.value(HeaderId::contact).empty()) seconds = 0;  // no binding is left
    const std::uint32_t granted = std::min(seconds.value_or(kDefaultSeconds), kLongestSeconds);
    registration.accepted = granted > 0;
    registration.expires = now + (granted > 0 ? std::chrono::seconds(granted) : limits_.transaction);
    if (registration.expires < registration.queued) {
        registration.queued = registration.expires;
        deadlines_.push(registration.queued, found->first);
    }
    plan.events.emplace_back(RegistrationEvent{registration.contact, tuple, granted, message.call_id()});
}

void RegistrationTable::expire(TimePoint now) {
    while (const auto key = deadlines_.pop_due(now)) {
        const auto found = registrations_.find(*key);
        if (found == registrations_.end() || found->second.queued > now) continue;
        if (found->second.expires > now) {
            found->second.queued = found->second.expires;
            deadlines_.push(found->second.queued, *key);
        } else {
            registrations_.erase(found);
        }
    }
}

}  // namespace messenger::alg
