// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/hearsay.h"

#include <algorithm>
#include <string>

#include "alg/call/contact.h"
#include "alg/call/signalling.h"

namespace messenger::alg {

namespace {

constexpr std::size_t kMaxHeard = 64;  // of a call; an ordinary description names two for each stream

[[nodiscard]] bool announces(const Description& local, const Endpoint& endpoint) {
    return std::any_of(local.streams.begin(), local.streams.end(), [&endpoint](const Stream& stream) {
        if (!stream.permitted) return false;
        const StreamPorts ports = stream_ports(stream, false);
        return std::any_of(ports.begin(), ports.end(),
                           [&](const StreamPort& port) { return endpoint_of(stream, port) == endpoint; });
    });
}

[[nodiscard]] bool has_announced(const OfferAnswer& negotiation, const Endpoint& endpoint) {
    if (announces(negotiation.agreed().local, endpoint)) return true;
    for (const Party requester : {Party::caller, Party::callee}) {
        const auto pending = negotiation.pending(requester);
        if (pending && announces(pending->local, endpoint)) return true;
    }
    return false;
}

/// Whether somebody inside has announced the endpoint in this call, and might.
[[nodiscard]] bool has_announced(const Call& call, const Endpoint& endpoint) {
    const auto listens = [&endpoint](const Transfer& transfer) { return transfer.listener == endpoint; };
    const auto announced = [&endpoint](const Agent& agent) { return has_announced(agent.negotiation, endpoint); };
    return std::any_of(call.dialogs.begin(), call.dialogs.end(), [&](const Dialog& dialog) {
        return dialog.alive() && (std::any_of(dialog.transfers.begin(), dialog.transfers.end(), listens) ||
                                  std::any_of(dialog.agents.begin(), dialog.agents.end(), announced));
    });
}

/// Whether it is an inside host's own Contact.
[[nodiscard]] bool is_called_at(const Call& call, const Endpoint& endpoint) {
    return std::any_of(call.dialogs.begin(), call.dialogs.end(), [&endpoint](const Dialog& dialog) {
        return std::any_of(dialog.agents.begin(), dialog.agents.end(), [&endpoint](const Agent& agent) {
            return agent.reach.port == endpoint.port && agent.host == endpoint.address;
        });
    });
}

/// Whether this inside host may announce the address, if it hears it.
[[nodiscard]] bool may_repeat(const IpAddress& listener, const IpAddress& said, const Policy& policy) {
    return said == listener || (policy.relays.contains(listener) && policy.inside.contains(said));
}

void remember(Call& call, const Hearsay& told) {
    if (call.heard_too_much || std::find(call.heard.begin(), call.heard.end(), told) != call.heard.end()) return;
    if (call.heard.size() < kMaxHeard) {
        call.heard.push_back(told);
    } else {
        call.heard_too_much = true;
    }
}

/// Where an address may be written: IPv4 in one way, and in IPv6 for it behind ::ffff:, in one form or another.
class MentionOf {
   public:
    MentionOf(const IpAddress& address, bool or_others)
        : text_(address.is_v4() && !or_others ? address.to_string() : std::string()) {}
    [[nodiscard]] bool may_be_in(std::string_view text) const {
        const auto has = [text](std::string_view part) { return text.find(part) != std::string_view::npos; };
        return has(text_) || has(":f") || has(":F");
    }

   private:
    std::string text_;  ///< empty, which is found everywhere, if it has many forms
};

/// Calls said(endpoint) for each that a description would open.
template <class Said>
void each_port(const Description& description, const Policy& policy, Said&& said) {
    for (const Stream& stream : description.streams) {
        if (stream.port == 0 || stream.obstacle) continue;
        for (const StreamPort& port : stream_ports(stream, false)) {
            if (!port_obstacle(port.port, port.role, policy)) said(endpoint_of(stream, port));
        }
    }
}

}  // namespace

Voice voice_of(const IpAddress& host, const Dialog& dialog, Party party) {
    if (party == Party::caller) return {host, dialog.caller_tag, dialog.callee_tag};
    return {host, dialog.callee_tag, dialog.caller_tag};
}

bool has_been_told(const Call& call, const Voice& voice, const Endpoint& endpoint) {
    if (call.heard_too_much) return true;
    return std::any_of(call.heard.begin(), call.heard.end(), [&](const Hearsay& told) {
        if (told.listener != voice.host || told.said != endpoint) return false;
        // A message may name no tag, and two parties the same one.
        return told.speaker == 0 || told.speaker == voice.speaks_for || told.speaker != voice.speaks_to;
    });
}

bool is_hearsay(const Call& call, const Voice& voice, const Endpoint& endpoint) {
    return has_been_told(call, voice, endpoint) && !has_announced(call, endpoint);
}

void Signalling::hear(const Passing& passing, Call& call, const Tags& tags) {
    const IpAddress& listener = passing.tuple.destination.address;
    if (policy_.inside.contains(passing.tuple.source.address) || !policy_.inside.contains(listener)) return;
    const SipMessageView& message = passing.message;
    const bool hides = !message.value(HeaderId::ms_text_format).empty();  // in base64
    if (message.body().empty() && !hides && message.value(HeaderId::contact).empty()) return;
    // Most messages do not name the listener's own address, and need not be read for this. To a relay, any address may
    // be of importance.
    const MentionOf mention(listener, policy_.relays.contains(listener));
    const Tag speaker = message.is_request() ? tags.from : tags.to;
    each_contact(message, [&](std::string_view value) {
        const auto contact = mention.may_be_in(value) ? parse_contact(value, passing.tuple.transport) : std::nullopt;
        if (!contact || contact->endpoint.address != listener || !may_be_called(contact->endpoint.port, policy_))
            return;
        if (!is_called_at(call, contact->endpoint)) remember(call, {listener, speaker, contact->endpoint});
    });
    const bool in_body = !message.body().empty() && mention.may_be_in(message.body());
    if (!in_body && !hides) return;
    const auto note = [&](const Endpoint& said) {
        if (!may_repeat(listener, said.address, policy_) || has_announced(call, said)) return;
        remember(call, {listener, speaker, said});
    };
    if (const auto invitation = find_invitation(message); invitation && *invitation) {
        const InvitationView& said = **invitation;
        if (said.address && said.port) note({said.address->address, said.port->port});
    }
    if (!in_body) return;
    Description description;
    // What cannot be understood to its end is passed on nevertheless.
    (void)bodies_.read(message, limits_, [&](const SdpView& sdp) { add_streams(sdp, limits_, description); });
    each_port(description, policy_, note);
}

}  // namespace messenger::alg
