// SPDX-License-Identifier: GPL-2.0-or-later
// The part of Engine that edits messages, most of them for hosts behind NAT.
#include <algorithm>

#include "alg/engine.h"
#include "alg/nat/nat_translation.h"
#include "alg/sip/fields.h"

namespace messenger::alg {

namespace {

constexpr std::uint16_t kSipPort = 5060;

/// The sent-by of the topmost Via when it is an address, which is where an answer on UDP goes (RFC 3261 section
/// 18.2.2).
[[nodiscard]] std::optional<Endpoint> sent_by(const SipMessageView& message, bool& asks_for_source_port) {
    const auto via = parse_via(message.top_via());
    const auto address = via ? IpAddress::parse(via->host) : std::nullopt;
    if (!address) return std::nullopt;
    asks_for_source_port = find_parameter(via->parameters, "rport").has_value();
    return Endpoint{*address, via->port == 0 ? kSipPort : via->port};
}

[[nodiscard]] bool announces_sharing(const Description& local, const IpAddress& outside) {
    return local.behind == outside && std::any_of(local.streams.begin(), local.streams.end(), [](const Stream& stream) {
               return stream.role == PortRole::t120 && stream.permitted && stream.port != 0;
           });
}

/// The inside host other than the receiver that has announced T.120 in this call, behind that outside address. Absent
/// if nobody has, or several have. A server that stands between two inside hosts keeps their Call-ID.
[[nodiscard]] std::optional<IpAddress> sharing_host(const Call* call, const IpAddress& outside,
                                                    const IpAddress& receiver) {
    if (call == nullptr) return std::nullopt;
    std::optional<IpAddress> found;
    for (const Dialog& dialog : call->dialogs) {
        if (!dialog.alive()) continue;
        for (const Agent& agent : dialog.agents) {
            if (agent.host == receiver || agent.host == found) continue;
            bool shares = announces_sharing(agent.negotiation.agreed().local, outside);
            for (const Party requester : {Party::caller, Party::callee}) {
                const auto pending = agent.negotiation.pending(requester);
                shares = shares || (pending && announces_sharing(pending->local, outside));
            }
            if (!shares) continue;
            if (found) return std::nullopt;
            found = agent.host;
        }
    }
    return found;
}

}  // namespace

bool Engine::may_edit(const PacketContext& context, const FlowTuple& tuple) const {
    if (context.nat == nullptr || !tuple.source.address.is_v4()) return false;
    const bool outbound = policy_.inside.contains(tuple.source.address);
    const Endpoint& remote = outbound ? tuple.destination : tuple.source;
    const Endpoint& local = outbound ? tuple.source : tuple.destination;
    if (!policy_.inside.contains(local.address) || policy_.inside.contains(remote.address)) return false;
    return policy_.is_user_agent_port(local.port) && !policy_.no_rewrite.contains(remote.address);
}

/// The kernel knows best: the address that it really hides the flow behind, and whether it does.
FlowNat Engine::find_path(const PacketContext& context, const FlowTuple& tuple, std::uint16_t& flow_port) {
    FlowNat nat;
    nat.asked = true;
    nat.translated = true;
    nat.path = *context.nat;
    if (context.translations == nullptr) return nat;
    const auto answer = context.translations->find(tuple);
    switch (answer.kind) {
        case FlowTranslations::Answer::Kind::unknown: break;
        case FlowTranslations::Answer::Kind::not_translated:
            nat.translated = false;
            ++counters_.not_translated;
            break;
        case FlowTranslations::Answer::Kind::translated:
            flow_port = answer.outside.port;
            if (answer.outside.address == nat.path.outside) break;
            if (nat.path.advertised == nat.path.outside) nat.path.advertised = answer.outside.address;
            nat.path.outside = answer.outside.address;
            break;
    }
    return nat;
}

std::string& Engine::next_text() {
    if (texts_used_ == texts_.size()) texts_.emplace_back();
    return texts_[texts_used_++];
}

void Engine::report_edits(const Arrival& arrival, Plan& plan) {
    ++counters_.edited;
    counters_.edits += edits_.size();
    if (reported_used_ == reported_edits_.size()) reported_edits_.emplace_back();
    EditList& reported = reported_edits_[reported_used_++];
    reported = edits_;
    EditEvent event;
    event.tuple = arrival.tuple;
    event.edits = &reported;
    event.declines_compression = declined_;
    event.call_id = message_.call_id();
    plan.events.emplace_back(event);
}

/// Towards an inside host: what names our outside endpoints names the inside ones from here on, for the reader too.
/// True if the session description did.
bool Engine::turn_back(const Arrival& arrival, Plan& plan) {
    const Call* call = signalling_.calls().find(make_call_key(message_.call_id()));
    const InboundTranslation translation(signalling_.bindings(), *arrival.nat,
                                         sharing_host(call, arrival.nat->outside, arrival.tuple.destination.address));
    Rewrite what{Rewrite::Direction::inbound, translation, arrival.tuple.transport, inbound_via_port(arrival)};
    (void)rewriter_.rewrite(message_, limits_, what, edits_);
    // What else is turned back says nothing of where the media are: a Request-URI names our endpoint in every call that
    // comes in.
    const bool turned_back = rewriter_.moved_session();
    decline_offer(arrival);
    if (edits_.empty()) return false;
    std::string& after = next_text();
    edits_.apply(after);
    const std::string_view before = edits_.text();
    if (!message_.parse(after, limits_)) {
        // Never seen: what was read once is read again with other numbers in it.
        edits_.begin(before);
        (void)message_.parse(before, limits_);
        return false;
    }
    report_edits(arrival, plan);
    return turned_back;
}

void Engine::edit_outbound(const Arrival& arrival, Plan& plan) {
    const Call* call = signalling_.calls().find(make_call_key(message_.call_id()));
    const OutboundTranslation translation(signalling_.bindings(), policy_, *arrival.nat, arrival.tuple.source.address,
                                          call != nullptr && call->t120_refused);
    Rewrite what{Rewrite::Direction::outbound, translation, arrival.tuple.transport, outbound_via_port(arrival)};
    (void)rewriter_.rewrite(message_, limits_, what, edits_);
    decline_offer(arrival);
    if (!edits_.empty()) report_edits(arrival, plan);
}

/// The head of a message whose body carries no addresses, however long it is.
bool Engine::on_head(std::string_view head, MessageEdits& edits) {
    if (!message_.parse_head(head, limits_)) return false;
    FlowNat* const nat = edits.nat();
    if (nat != nullptr && body_may_carry_addresses(message_.content_type(), message_.value(HeaderId::content_encoding)))
        return false;
    Arrival arrival;
    arrival.tuple = *at_hand_.tuple;
    arrival.now = at_hand_.now;
    arrival.outbound = policy_.inside.contains(arrival.tuple.source.address);
    arrival.declines = may_decline(*at_hand_.context, arrival.tuple);
    if (nat != nullptr && !nat->asked) *nat = find_path(*at_hand_.context, arrival.tuple, arrival.flow_port);
    if (nat != nullptr && nat->translated) arrival.nat = &nat->path;
    Plan& plan = *at_hand_.plan;
    edits_.begin(head);
    if (arrival.nat != nullptr) edit_head(arrival, plan);
    decline_offer(arrival);
    if (edits_.empty()) return true;
    if (!edits.apply(edits_)) {
        ++counters_.unedited;
        return true;
    }
    std::string& kept = next_text();  // the head may stand in a buffer that moves when the body comes
    kept.assign(head);
    edits_.rebase(kept);
    // Likewise its Call-ID.
    const std::string_view call_id = message_.call_id();
    report_edits(arrival, plan);
    std::get<EditEvent>(plan.events.back()).call_id =
        kept.empty()
            ? std::string_view{}
            : std::string_view(kept).substr(static_cast<std::size_t>(call_id.data() - head.data()), call_id.size());
    return true;
}

/// The addresses in the head of a message whose body has none.
void Engine::edit_head(const Arrival& arrival, Plan& plan) {
    if (arrival.outbound) {
        signalling_.announce_contacts({message_, arrival.tuple, arrival.now, arrival.nat, arrival.flow_port}, plan);
        const OutboundTranslation translation(signalling_.bindings(), policy_, *arrival.nat,
                                              arrival.tuple.source.address, false);
        (void)rewriter_.rewrite_head(message_,
                                     {Rewrite::Direction::outbound, translation, Transport::tcp, std::nullopt}, edits_);
    } else {
        const InboundTranslation translation(signalling_.bindings(), *arrival.nat, std::nullopt);
        (void)rewriter_.rewrite_head(message_, {Rewrite::Direction::inbound, translation, Transport::tcp, std::nullopt},
                                     edits_);
    }
}

/// UDP without rport: the answer goes to the number in sent-by, so it has to be the one that leads back.
std::optional<std::uint16_t> Engine::outbound_via_port(const Arrival& arrival) const {
    if (arrival.tuple.transport != Transport::udp || !message_.is_request()) return std::nullopt;
    bool source_port = false;
    const auto via = sent_by(message_, source_port);
    if (!via || source_port || via->address != arrival.tuple.source.address) return std::nullopt;
    const auto port = signalling_.bindings().outside_port({Transport::udp, *via, arrival.nat->outside});
    if (!port || *port == via->port) return std::nullopt;
    return port;
}

/// And back in the answer, for the client knows its own number only (RFC 3261 section 18.1.2).
std::optional<std::uint16_t> Engine::inbound_via_port(const Arrival& arrival) const {
    if (arrival.tuple.transport != Transport::udp || message_.is_request()) return std::nullopt;
    bool source_port = false;
    const auto via = sent_by(message_, source_port);
    if (!via || via->address != arrival.tuple.destination.address) return std::nullopt;
    const auto inside = signalling_.bindings().inside_of(Transport::udp, {arrival.nat->outside, via->port});
    if (!inside || inside->address != via->address || inside->port == via->port) return std::nullopt;
    return inside->port;
}

std::optional<Admission> Engine::find_admission(const FlowTuple& tuple) const {
    const auto admitted = [this](const FlowTuple& from_remote) -> std::optional<Admission> {
        const bool signalling = signalling_.callbacks().admits(from_remote);
        if (!signalling && !signalling_.pinholes().admits(from_remote)) return std::nullopt;
        return Admission{from_remote, std::nullopt, signalling};
    };
    // A packet of the remote host to an outside endpoint of ours ...
    if (const auto inside =
            signalling_.bindings().inside_for(tuple.transport, tuple.destination, tuple.source.address)) {
        auto admission = admitted({tuple.source, *inside, tuple.transport});
        if (admission) admission->outside = tuple.destination;
        return admission;
    }
    const bool to_inside = policy_.inside.contains(tuple.destination.address);
    const bool from_inside = policy_.inside.contains(tuple.source.address);
    // ... or to the inside host itself ...
    if (to_inside) {
        if (auto admission = admitted(tuple)) return admission;
    }
    if (!from_inside) return std::nullopt;
    // ... or the inside host's own.
    auto admission = admitted(tuple.reversed());
    if (admission)
        admission->outside = signalling_.outside_of(tuple.transport, tuple.source, tuple.destination.address);
    return admission;
}

}  // namespace messenger::alg
