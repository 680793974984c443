// SPDX-License-Identifier: GPL-2.0-or-later
// The part of Signalling that gives session descriptions to the agents at both ends of a hop.
#include <algorithm>
#include <span>
#include <utility>

#include "alg/call/session_kind.h"
#include "alg/call/signalling.h"

namespace messenger::alg {

namespace {

[[nodiscard]] Description worth_keeping(const Description& said, bool local) {
    Description kept = said;
    if (local) {
        kept.keep_permitted();
    } else {
        kept.keep_remote_ends();
    }
    return kept;
}

/// What a stranger offers waits until he is believed.
void take_offer(OfferAnswer& negotiation, OfferId id, bool from_local, bool strange, Description said) {
    if (strange) {
        negotiation.on_strange_offer(id, std::move(said));
    } else {
        negotiation.on_offer(id, from_local, std::move(said));
    }
}

void name_answers(std::span<Event> events) {
    for (Event& event : events) {
        if (auto* const media = std::get_if<MediaEvent>(&event)) media->answer = true;
    }
}

}  // namespace

/// Fills in what the message's session descriptions announce, and the address that stands above it all. False if there
/// is nothing, or if part of it is not understood: half a description is none.
bool Signalling::read_description(const Passing& passing, Call& call, Description& description, IpAddress& named,
                                  Plan& plan) {
    description.delivered_by = passing.tuple.source.address;
    description.turned_back = passing.turned_back;
    if (passing.nat != nullptr && policy_.inside.contains(passing.tuple.source.address)) {
        description.behind = passing.nat->outside;
    }
    const auto error = bodies_.read(passing.message, limits_, [&](const SdpView& sdp) {
        add_streams(sdp, limits_, description);
        if (sdp.connection().kind == SdpConnection::Kind::address) named = sdp.connection().address;
        for (const SdpMedia& media : sdp.media()) {
            if (named.is_unspecified() && media.connection.kind == SdpConnection::Kind::address) {
                named = media.connection.address;
            }
            MediaEvent event;
            event.tuple = passing.tuple;
            event.kind = media.kind;
            event.direction = media.direction;
            event.port = media.port;
            event.media = media.media;
            event.protocol = media.protocol;
            event.address = media.connection.text;
            event.call_id = call.id();
            plan.events.emplace_back(event);
        }
        for (const SdpMedia& media : sdp.media()) report_session(passing, &call, kind_of(media), media.media, plan);
    });
    if (error) {
        report_misunderstanding(passing, *error, plan);
        return false;
    }
    return !description.empty() || !named.is_unspecified();
}

/// The inside host that is told where the other side's media come from; nullptr if the message goes to none.
Agent* Signalling::note_listener(const Passing& passing, Dialog& dialog, Party party, const Exchange& exchange,
                                 const IpAddress& named) const {
    const FlowTuple& tuple = passing.tuple;
    if (!policy_.inside.contains(tuple.destination.address)) return nullptr;
    Agent* listener = dialog.agent(tuple.destination.address, party);
    if (listener == nullptr || is_stranger(passing, dialog)) return listener;
    // A private address from a public neighbour is the peer's own NAT speaking.
    const bool reachable = !named.is_private() || tuple.source.address.is_private() || passing.turned_back;
    const IpAddress peer = reachable ? named : IpAddress{};
    if (exchange.final || dialog.waiting()) {
        listener->peer = peer;
    } else if (exchange.offering) {
        listener->offered_peer = OfferedPeer{*exchange.offering, peer};
    }
    return listener;
}

/// An offer has been answered for good. By a response: the ACK to one that refuses it looks like any other.
void Signalling::settle(const Passing& passing, Dialog& dialog, const Exchange& exchange) {
    if (passing.message.is_request() || !exchange.final || !exchange.answering) return;
    for (Agent& agent : dialog.agents) {
        if (!agent.offered_peer || agent.offered_peer->offer != *exchange.answering) continue;
        agent.peer = agent.offered_peer->address;
        agent.offered_peer.reset();
    }
    // Its session timer has begun anew.
    if (exchange.answering->method != Method::prack) dialog.quiet = false;
}

/// Everything that was offered in the transaction is as if it had never been said.
void Signalling::take_back(Dialog& dialog, OfferId id) {
    for (Agent& agent : dialog.agents) {
        agent.negotiation.on_failure(id);
        if (agent.offered_peer && agent.offered_peer->offer == id) agent.offered_peer.reset();
    }
}

/// Of that host alone: the other end of a call between two inside hosts hears of the agreement later. And no file
/// transfer, of which session descriptions say nothing.
void Signalling::replace_restored(Dialog& dialog, const Agent& agent) const {
    auto& restored = dialog.restored;
    if (restored.empty()) return;
    // A proxy that carries the media of both parties has two agreements.
    const bool agreed = std::all_of(dialog.agents.begin(), dialog.agents.end(), [&](const Agent& one) {
        return one.host != agent.host || one.negotiation.has_agreed();
    });
    if (!agreed) return;
    const auto& streams = agent.negotiation.agreed().local.streams;
    const auto is_replaced = [&](const PinholeKey& key) {
        const auto* known = pinholes_.find(key);
        if (known != nullptr && known->purpose.role == PortRole::file) return false;
        const IpAddress& host = key.inside.address;
        return host == agent.host || std::any_of(streams.begin(), streams.end(), [&host](const Stream& stream) {
                   return stream.permitted && stream.address == host;
               });
    };
    restored.erase(std::remove_if(restored.begin(), restored.end(), is_replaced), restored.end());
}

void Signalling::negotiate(const Passing& passing, Call& call, const Speaker& speaker, const Exchange& exchange,
                           Plan& plan) {
    Dialog& dialog = *speaker.dialog;
    const FlowTuple& tuple = passing.tuple;
    const auto refuse = [&](RefuseReason reason, std::uint16_t port, const IpAddress* address) {
        RefuseEvent event = refusal(passing, reason);
        event.port = port;
        if (reason == RefuseReason::port_out_of_range) event.allowed = policy_.media_ports;
        if (address != nullptr && !address->is_unspecified()) event.announced = *address;
        plan.events.emplace_back(event);
    };
    settle(passing, dialog, exchange);
    Description description;
    IpAddress named;
    const std::size_t first_media_event = plan.events.size();
    if (!read_description(passing, call, description, named, plan)) return;
    const std::size_t last_media_event = plan.events.size();
    Agent* listener = note_listener(passing, dialog, other(speaker.party), exchange, named);
    if (description.empty()) return;
    const bool strange = is_stranger(passing, dialog);
    if (!strange) {
        for (const Stream& stream : description.streams) dialog.add_media_peer(stream.address);
    }
    // The INVITE itself gets so far only on its way to a host that has no other (on_copy).
    const bool unbelieved = strange && dialog.state != Dialog::State::inviting;
    bool answered = false;
    const auto speak = [&](Agent* agent, bool from_local, const Description& said) {
        if (agent == nullptr) {
            refuse(RefuseReason::too_many_dialogs, 0, nullptr);
            return;
        }
        OfferAnswer& negotiation = agent->negotiation;
        if (exchange.answering && negotiation.awaits_answer(*exchange.answering, from_local)) {
            negotiation.on_answer(*exchange.answering, from_local, worth_keeping(said, from_local), exchange.final);
            answered = true;
        } else if (exchange.offering) {
            take_offer(negotiation, *exchange.offering, from_local, unbelieved, worth_keeping(said, from_local));
        }
        if (negotiation.has_agreed()) replace_restored(dialog, *agent);
    };
    if (policy_.inside.contains(tuple.destination.address)) speak(listener, false, description);
    if (policy_.inside.contains(tuple.source.address)) {
        permit(description, tuple.source.address, policy_, bindings_,
               [&](const Stream& stream, RefuseReason reason, std::uint16_t port) {
                   refuse(reason, port, &stream.address);
               });
        forbid_hearsay(call, voice_of(tuple.source.address, dialog, speaker.party), description,
                       [&](const Stream& stream, std::uint16_t port) {
                           refuse(RefuseReason::not_own_word, port, &stream.address);
                       });
        speak(dialog.agent(tuple.source.address, speaker.party), true, description);
    }
    if (answered) name_answers(std::span(plan.events).subspan(first_media_event, last_media_event - first_media_event));
}

}  // namespace messenger::alg
