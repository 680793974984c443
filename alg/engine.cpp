// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/engine.h"

#include <algorithm>

#include "alg/net/packet.h"
#include "alg/sip/compression.h"
#include "alg/sip/framing.h"

namespace messenger::alg {

Engine::Engine(const Policy& policy, const Limits& limits, const HashKey& secret)
    : policy_(policy),
      limits_(limits),
      connections_(limits_, secret),
      signalling_(policy_, limits_, secret),
      rate_(limits_, secret),
      identifiers_(static_cast<std::uint16_t>(secret.k0)) {}

bool Engine::is_sip_port(const FlowTuple& tuple) const {
    if (policy_.any_sip_port) return true;
    const auto& ports = policy_.sip_ports;
    const auto is_one = [&ports](std::uint16_t port) {
        return std::find(ports.begin(), ports.end(), port) != ports.end();
    };
    return is_one(tuple.source.port) || is_one(tuple.destination.port) || signalling_.callbacks().is_listener(tuple) ||
           is_tls(tuple);
}

bool Engine::is_from_tls_client(const FlowTuple& tuple) const {
    const TlsRanges& tls = policy_.tls;
    return !tls.servers.empty() && tuple.transport == Transport::tcp && tuple.destination.port == tls.port &&
           tls.servers.contains(tuple.destination.address) && policy_.inside.contains(tuple.source.address);
}

bool Engine::is_tls(const FlowTuple& tuple) const {
    return is_from_tls_client(tuple) || is_from_tls_client(tuple.reversed());
}

void Engine::on_packet(std::span<const std::byte> packet, const PacketContext& context, TimePoint now, Plan& plan) {
    plan.clear();
    signalling_.release();
    texts_used_ = 0;
    reported_used_ = 0;
    ++counters_.packets;
    const auto view = parse_packet(packet);
    if (!view) {
        ++counters_.unreadable_packets;
        return;
    }
    if (!is_sip_port(view->tuple)) return;
    if (is_tls(view->tuple)) {
        on_tls(*view, context, now, plan);
    } else if (view->tuple.transport == Transport::udp) {
        on_datagram(packet, *view, context, now, plan);
    } else {
        on_segment(packet, *view, context, now, plan);
    }
}

void Engine::on_datagram(std::span<const std::byte> packet, const PacketView& view, const PacketContext& context,
                         TimePoint now, Plan& plan) {
    std::string_view text = view.payload;
    while (!text.empty() && (text.front() == '\r' || text.front() == '\n')) text.remove_prefix(1);
    if (text.empty() || !begins_with_start_line(text)) {
        ++counters_.not_sip_datagrams;  // keep-alives, STUN, probes
        if (!text.empty() && policy_.drop_malformed && !policy_.any_sip_port) plan.verdict = Verdict::drop;
        return;
    }
    Arrival arrival;
    arrival.tuple = view.tuple;
    arrival.now = now;
    arrival.outbound = policy_.inside.contains(view.tuple.source.address);
    FlowNat nat;
    if (may_edit(context, view.tuple)) nat = find_path(context, view.tuple, arrival.flow_port);
    if (nat.translated) arrival.nat = &nat.path;
    edits_.begin(text);
    if (!read_message(text, arrival, plan) && policy_.drop_malformed) plan.verdict = Verdict::drop;
    if (edits_.empty()) return;
    std::string& whole = next_text();
    edits_.apply(whole);
    // What stands around the message stays: line ends before it, and whatever a datagram has behind Content-Length.
    whole.insert(0, view.payload.substr(0, view.payload.size() - text.size()));
    const auto behind =
        static_cast<std::size_t>(text.data() + text.size() - edits_.text().data()) - edits_.text().size();
    whole.append(text.substr(text.size() - behind));
    if (write_datagram(packet, view, whole, identifiers_, written_)) plan.replacement = written_;
}

void Engine::on_segment(std::span<const std::byte> packet, const PacketView& view, const PacketContext& context,
                        TimePoint now, Plan& plan) {
    at_hand_ = {&context, &view.tuple, &plan, now};
    ConnectionTable::Segment segment{view, packet};
    segment.sip_marked = context.sip_marked;
    segment.editable = context.in_queue && may_edit(context, view.tuple);
    segment.overwritable = context.in_queue && may_decline(context, view.tuple);
    segment.outbound = policy_.inside.contains(view.tuple.source.address);
    segment.token = context.token;
    const auto outcome = connections_.on_segment(segment, policy_, now, *this, plan.releases);
    plan.flow_mark = outcome.mark;
    plan.released = outcome.released;
    plan.first_edit = outcome.edited;
    plan.replacement = outcome.replacement;
    if (outcome.opaque) plan.events.emplace_back(OpaqueEvent{*outcome.opaque, view.tuple});
    if (outcome.table_full) refuse(RefuseReason::too_many_flows, Error::not_sip, view.tuple, plan);
}

/// Not to be read; whether it lives is what counts.
void Engine::on_tls(const PacketView& view, const PacketContext& context, TimePoint now, Plan& plan) {
    const bool from_client = is_from_tls_client(view.tuple);
    const FlowTuple tuple = from_client ? view.tuple : view.tuple.reversed();
    const auto event = signalling_.tls().on_segment(tuple, from_client, view, policy_.tls.silence, now);
    if (event == TlsTable::Event::not_tls) plan.flow_mark = FlowMark::opaque;
    if (event == TlsTable::Event::full) refuse(RefuseReason::too_many_flows, Error::not_sip, tuple, plan);
    IpAddress behind;
    if (event == TlsTable::Event::began && context.nat != nullptr && tuple.source.address.is_v4()) {
        std::uint16_t flow_port = 0;
        const FlowNat nat = find_path(context, view.tuple, flow_port);
        if (nat.translated) behind = nat.path.outside;
    }
    // How long it goes on is asked when it is time.
    if (event != TlsTable::Event::goes_on) signalling_.on_tls(tuple, event, behind, now, plan);
}

std::optional<OpaqueReason> Engine::on_message(std::string_view message, MessageEdits* edits) {
    Arrival arrival;
    arrival.tuple = *at_hand_.tuple;
    arrival.now = at_hand_.now;
    arrival.outbound = policy_.inside.contains(arrival.tuple.source.address);
    FlowNat once;  // of a capture, where there is no connection to edit
    FlowNat* nat = nullptr;
    if (edits != nullptr) {
        nat = edits->nat();
    } else if (!at_hand_.context->in_queue && may_edit(*at_hand_.context, arrival.tuple)) {
        nat = &once;
    }
    if (nat != nullptr && !nat->asked) *nat = find_path(*at_hand_.context, arrival.tuple, arrival.flow_port);
    if (nat != nullptr && nat->translated) arrival.nat = &nat->path;
    arrival.declines =
        (edits != nullptr || !at_hand_.context->in_queue) && may_decline(*at_hand_.context, arrival.tuple);
    edits_.begin(message);
    (void)read_message(message, arrival, *at_hand_.plan);
    if (edits != nullptr && !edits_.empty() && !edits->apply(edits_)) ++counters_.unedited;
    return compressed_ ? std::optional(OpaqueReason::compressed) : std::nullopt;
}

void Engine::on_too_large() {
    refuse(RefuseReason::not_understood, Error::too_large, *at_hand_.tuple, *at_hand_.plan);
}

bool Engine::read_message(std::string_view text, Arrival arrival, Plan& plan) {
    compressed_ = false;
    const IpAddress& sender = arrival.tuple.source.address;
    if (!rate_.take(arrival.outbound ? sender : sender.site(), arrival.now)) {
        ++counters_.over_rate;
        refuse(RefuseReason::too_many_messages, Error::not_sip, arrival.tuple, plan);
        return true;  // unread is not malformed
    }
    if (const auto parsed = message_.parse(text, limits_); !parsed) {
        ++counters_.not_understood;
        refuse(RefuseReason::not_understood, parsed.error(), arrival.tuple, plan);
        return false;
    }
    ++counters_.messages;
    compressed_ = policy_.compression != Compression::pass && begins_compression(message_);
    Passing passing{message_, arrival.tuple, arrival.now, arrival.nat, arrival.flow_port};
    if (arrival.nat != nullptr && !arrival.outbound) passing.turned_back = turn_back(arrival, plan);
    signalling_.on_message(passing, plan);
    if (arrival.nat != nullptr && arrival.outbound) edit_outbound(arrival, plan);
    if (arrival.nat == nullptr) {
        decline_offer(arrival);
        if (!edits_.empty()) report_edits(arrival, plan);
    }
    return true;
}

/// Whether an offer to compress this connection is to come to nothing. Both ends may make one: a server on the
/// connection that it has made to an inside host, too.
bool Engine::may_decline(const PacketContext& context, const FlowTuple& tuple) const {
    const bool wanted = policy_.compression == Compression::decline && !context.observed;
    if (!wanted || tuple.transport != Transport::tcp) return false;
    const bool outbound = policy_.inside.contains(tuple.source.address);
    const Endpoint& remote = outbound ? tuple.destination : tuple.source;
    const Endpoint& local = outbound ? tuple.source : tuple.destination;
    return outbound != policy_.inside.contains(tuple.destination.address) && policy_.is_user_agent_port(local.port) &&
           !policy_.no_rewrite.contains(remote.address);
}

/// Adds to edits_ what makes the other side decline, if the message at hand is such an offer.
void Engine::decline_offer(const Arrival& arrival) {
    declined_ = false;
    if (!arrival.declines) return;
    const std::size_t before = edits_.size();
    decline_compression(message_,
                        [this](std::string_view method, std::string_view word) { edits_.replace(method, word); });
    if (edits_.spoilt()) edits_.begin(edits_.text());  // more methods than anybody has
    declined_ = edits_.size() > before;
}

std::optional<Admission> Engine::admit(const FlowTuple& tuple, const TcpFields& tcp, TimePoint now, Plan& plan) {
    plan.clear();
    auto admission = find_admission(tuple);
    if (!admission || admission->signalling || tuple.transport != Transport::tcp) return admission;
    const bool from_remote = tuple.source == admission->from_remote.source;
    const FlowTuple inside = from_remote ? admission->from_remote : admission->from_remote.reversed();
    using Passage = PinholeTable::Passage;
    admission->refused = signalling_.pinholes().on_first_packet(inside, tcp, now) == Passage::refused;
    if (admission->refused && tcp.syn) {
        refuse(RefuseReason::second_connection, Error::not_sip, inside, plan);
        std::get<RefuseEvent>(plan.events.back()).port = inside.destination.port;
    }
    return admission;
}

void Engine::refuse(RefuseReason reason, Error error, const FlowTuple& tuple, Plan& plan) {
    RefuseEvent event;
    event.reason = reason;
    event.error = error;
    event.tuple = tuple;
    plan.events.emplace_back(event);
}

std::optional<TimePoint> Engine::next_expiry() const {
    std::optional<TimePoint> next = signalling_.next_deadline();
    const auto connections = connections_.next_deadline();
    if (connections && (!next || *connections < *next)) next = connections;
    return next;
}

void Engine::expire(TimePoint now, PinholeWitness* witness, Plan& plan) {
    plan.clear();
    signalling_.release();
    signalling_.expire(now, witness, plan);
    connections_.expire(now, plan.releases, [&plan](const FlowTuple& tuple, OpaqueReason reason) {
        plan.events.emplace_back(OpaqueEvent{reason, tuple});
    });
}

bool Engine::close_call(std::uint64_t key, TimePoint now, Plan& plan) {
    plan.clear();
    signalling_.release();
    return signalling_.close_call(key, now, plan);
}

void Engine::close_blocked(TimePoint now, Plan& plan) {
    plan.clear();
    signalling_.release();
    signalling_.close_blocked(now, plan);
}

}  // namespace messenger::alg
