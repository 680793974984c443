// SPDX-License-Identifier: GPL-2.0-or-later
// The part of Signalling that knows how the requests of a dialog reach inside hosts. What the peer sends comes back on
// the flow that the call was set up by, until conntrack forgets that: over UDP after two or three minutes of silence.
// A registrar has a callback (contacts.cpp). Any other server, and a peer that no proxy on the way stays in front of,
// would find the firewall closed, and a BYE would not arrive. So the inside host's own Contact, which it has given the
// peer for this very purpose (RFC 3261 section 12.1), is open to them for as long as the dialog lives.
#include <algorithm>
#include <chrono>

#include "alg/call/contact.h"
#include "alg/call/signalling.h"
#include "alg/sip/fields.h"

namespace messenger::alg {

namespace {

/// Until then every conntrack still knows the flow; most calls that nobody answers for long are over, too.
constexpr Duration kQuiet = std::chrono::seconds(25);
/// How long a callback is given, and how often it is seen to; the end of the dialog takes it away. A restart does not
/// know who holds what it finds, so what is over by then stays for as long as this at most.
constexpr Duration kGiven = std::chrono::minutes(30);
constexpr Duration kRenewal = std::chrono::minutes(12);

[[nodiscard]] std::optional<Contact> first_contact(const Passing& passing) {
    std::string_view contacts = passing.message.value(HeaderId::contact);
    return parse_contact(next_list_value(contacts), passing.tuple.transport);
}

/// Whether requests of a peer that names this address can come from there, if the inside host hears it through another.
[[nodiscard]] bool comes_by_itself(const IpAddress& address, const IpAddress& neighbour, const Policy& policy) {
    if (address == neighbour || address.family() != neighbour.family()) return false;
    if (policy.inside.contains(address)) return false;
    if (address.is_unspecified() || address.is_multicast() || address.is_broadcast() || address.is_loopback()) {
        return false;
    }
    return !address.is_private() || neighbour.is_private();  // else it is behind a NAT of its own
}

/// Whether the dialog's requests take the way that this message has recorded: that of the INVITE that creates it, or of
/// an answer to that. What is said later changes nothing, and mostly records nothing (RFC 3261 sections 12.1 and 12.2).
[[nodiscard]] bool makes_route(const SipMessageView& message, const Dialog& dialog) {
    if (message.method() != Method::invite) return false;
    return message.is_request() ? dialog.callee_tag == 0 : dialog.waiting();
}

[[nodiscard]] CallbackTable::Key key_of(const Agent& agent, const IpAddress& remote) {
    return {agent.reach.transport, {agent.host, agent.reach.port}, remote};
}

}  // namespace

void Signalling::note_hop(const Passing& passing, const Call& call, const Speaker& speaker, Plan& plan) {
    Dialog& dialog = *speaker.dialog;
    const bool strange = is_stranger(passing, dialog);
    const IpAddress& source = passing.tuple.source.address;
    const IpAddress& destination = passing.tuple.destination.address;
    const bool leaves = policy_.inside.contains(source);
    const bool arrives = policy_.inside.contains(destination);
    if (leaves) (void)dialog.agent(source, speaker.party);
    if (arrives) (void)dialog.agent(destination, other(speaker.party));
    if (strange) return;
    dialog.add_peer(source);
    dialog.add_peer(destination);
    if (const auto contact = first_contact(passing)) dialog.add_peer(contact->endpoint.address);
    // Another server of a farm may hand on what comes later.
    for (const HeaderLine& line : passing.message.lines()) {
        if (line.id != HeaderId::record_route) continue;
        std::string_view routes = passing.message.value_of(line);
        while (!routes.empty()) {
            const auto route = parse_name_address(next_list_value(routes));
            const auto uri = route ? parse_sip_uri(route->uri) : std::nullopt;
            const auto host = uri ? IpAddress::parse(uri->host) : std::nullopt;
            if (host) dialog.add_peer(*host);
        }
    }
    if (leaves == arrives) return;
    Agent* agent = dialog.agent(leaves ? source : destination, leaves ? speaker.party : other(speaker.party));
    if (agent == nullptr || !note_reach(passing, call, dialog, *agent, plan)) return;
    if (dialog.state == Dialog::State::confirmed) {
        dialog.reach_due = std::min(dialog.reach_due, passing.now + kQuiet);
    }
}

bool Signalling::note_reach(const Passing& passing, const Call& call, const Dialog& dialog, Agent& agent, Plan& plan) {
    const FlowTuple& tuple = passing.tuple;
    const bool leaves = tuple.source.address == agent.host;
    Reach reach = agent.reach;
    const IpAddress& outside = leaves ? tuple.destination.address : tuple.source.address;
    if (outside != reach.peer) reach.neighbour = outside;
    reach.behind = passing.nat == nullptr ? IpAddress{} : passing.nat->outside;
    const auto contact = first_contact(passing);
    if (contact && leaves) {
        const bool own_connection = contact->transport == Transport::tcp && tuple.transport == Transport::tcp &&
                                    contact->endpoint == tuple.source;
        bool callable = contact->endpoint.address == agent.host && !own_connection &&
                        may_be_called(contact->endpoint.port, policy_) && !is_out_of_range(*contact, tuple, policy_);
        const bool as_before =
            contact->endpoint.port == agent.reach.port && contact->transport == agent.reach.transport;
        const bool told =
            !as_before && has_been_told(call, voice_of(agent.host, dialog, agent.acts_for), contact->endpoint);
        if (callable && told) {
            RefuseEvent refused = refusal(passing, RefuseReason::not_own_word);
            refused.announced = agent.host;
            refused.port = contact->endpoint.port;
            plan.events.emplace_back(refused);
            callable = false;
        }
        reach.transport = contact->transport;
        reach.port = callable ? contact->endpoint.port : std::uint16_t{0};
    } else if (!leaves) {
        if (makes_route(passing.message, dialog)) {
            reach.routed = !passing.message.value(HeaderId::record_route).empty();
        }
        if (contact) reach.peer = contact->endpoint.address;
        if (reach.routed || !comes_by_itself(reach.peer, reach.neighbour, policy_)) reach.peer = IpAddress{};
    }
    if (reach == agent.reach) return false;
    shut_out(agent, plan);
    reach.lets_neighbour = reach.lets_peer = false;
    agent.reach = reach;
    return true;
}

void Signalling::let_in(Call& call, TimePoint now, Plan& plan) {
    for (Dialog& dialog : call.dialogs) {
        if (dialog.state != Dialog::State::confirmed) continue;
        const bool due = dialog.reach_due <= now;
        if (due) dialog.reach_due = TimePoint::max();
        for (Agent& agent : dialog.agents) {
            Reach& reach = agent.reach;
            if (reach.port == 0) continue;
            if (dialog.reach_due == TimePoint::max()) dialog.reach_due = now + (due ? kRenewal : kQuiet);
            const LetIn how{reach.behind, now};
            // A peer has no flow yet that it could come by.
            const bool peer = !reach.peer.is_unspecified() && (due || !reach.lets_peer);
            if (peer) hold_callback(call, key_of(agent, reach.peer), how, reach.lets_peer, plan);
            if (due) hold_callback(call, key_of(agent, reach.neighbour), how, reach.lets_neighbour, plan);
        }
    }
}

void Signalling::hold_callback(const Call& call, const CallbackTable::Key& key, const LetIn& how, bool& held,
                               Plan& plan) {
    if (!may_hold(call, key)) return;
    const auto known_as = outside_of(key);
    std::optional<Endpoint> outside;
    // There may be several ways out to the remote. It knows the Contact as the last one of them that was named, and who
    // holds the callback already names none.
    const IpAddress behind = held && known_as ? known_as->address : how.behind;
    if (!behind.is_unspecified()) {
        const auto port = bindings_.outside_port({key.transport, key.inside, behind});
        if (!port) {  // no number was left for its Contact, as has been said
            give_up(key, held, plan);
            return;
        }
        outside = Endpoint{behind, *port};
    }
    const auto* known = callbacks_.find(key);
    const TimePoint before = known == nullptr ? how.now : known->until;
    // Many calls of a host with one server hold one callback, and each would prolong it by a little.
    const bool long_enough = before >= how.now + kRenewal + limits_.transaction;
    const TimePoint until = long_enough ? before : how.now + kGiven;
    const auto allowed = callbacks_.allow_in_call(key, outside, until, held);
    if (allowed == CallbackTable::Allowed::full) {
        RefuseEvent refused;
        refused.reason = RefuseReason::too_many_calls;
        refused.tuple = {key.inside, {key.remote, 0}, key.transport};
        refused.announced = key.inside.address;
        refused.port = key.inside.port;
        refused.call_id = call.id();
        plan.events.emplace_back(refused);
        return;
    }
    held = true;
    // That calls hold it, too, the kernel learns once; that none does any longer, with the next registration.
    const bool is_told = callbacks_.find(key)->told.calls;
    if (!long_enough || !is_told || outside != known_as) tell_callback(key, allowed, known_as, how.now, plan);
}

void Signalling::shut_out(Agent& agent, Plan& plan) {
    give_up(key_of(agent, agent.reach.neighbour), agent.reach.lets_neighbour, plan);
    give_up(key_of(agent, agent.reach.peer), agent.reach.lets_peer, plan);
}

void Signalling::shut_out_forbidden(Call& call, Plan& plan) {
    for (Dialog& dialog : call.dialogs) {
        for (Agent& agent : dialog.agents) {
            Reach& reach = agent.reach;
            const CallbackTable::Key neighbour = key_of(agent, reach.neighbour);
            const CallbackTable::Key peer = key_of(agent, reach.peer);
            if (!may_hold(call, neighbour)) give_up(neighbour, reach.lets_neighbour, plan);
            if (!may_hold(call, peer)) give_up(peer, reach.lets_peer, plan);
        }
    }
}

void Signalling::give_up(const CallbackTable::Key& key, bool& held, Plan& plan) {
    if (!held) return;
    held = false;
    if (callbacks_.leave(key)) end_callback(key, plan);
}

}  // namespace messenger::alg
