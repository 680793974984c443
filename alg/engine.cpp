// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/engine.h"

#include <algorithm>

#include "alg/net/packet.h"
#include "alg/sip/framing.h"

namespace messenger::alg {

Engine::Engine(const Policy& policy, const Limits& limits, const HashKey& secret)
    : policy_(policy),
      limits_(limits),
      connections_(limits_, secret),
      signalling_(policy_, limits_, secret),
      rate_(limits_, secret) {}

bool Engine::is_sip_port(const FlowTuple& tuple) const {
    if (policy_.any_sip_port) return true;
    const auto& ports = policy_.sip_ports;
    const auto is_one = [&ports](std::uint16_t port) {
        return std::find(ports.begin(), ports.end(), port) != ports.end();
    };
    return is_one(tuple.source.port) || is_one(tuple.destination.port);
}

void Engine::on_packet(std::span<const std::byte> packet, bool sip_marked, TimePoint now, Plan& plan) {
    plan.clear();
    signalling_.release_erased();
    ++counters_.packets;
    const auto view = parse_packet(packet);
    if (!view) {
        ++counters_.unreadable_packets;
        return;
    }
    if (!is_sip_port(view->tuple)) return;
    if (view->tuple.transport == Transport::udp) {
        on_datagram(*view, now, plan);
    } else {
        on_segment(*view, sip_marked, now, plan);
    }
}

void Engine::on_datagram(const PacketView& packet, TimePoint now, Plan& plan) {
    std::string_view text = packet.payload;
    while (!text.empty() && (text.front() == '\r' || text.front() == '\n')) text.remove_prefix(1);
    if (text.empty() || !begins_with_start_line(text)) {
        ++counters_.not_sip_datagrams;  // keep-alives, STUN, probes
        if (!text.empty() && policy_.drop_malformed && !policy_.any_sip_port) plan.verdict = Verdict::drop;
        return;
    }
    if (!on_message_text(text, packet.tuple, now, plan) && policy_.drop_malformed) plan.verdict = Verdict::drop;
}

void Engine::on_segment(const PacketView& packet, bool sip_marked, TimePoint now, Plan& plan) {
    const auto outcome = connections_.on_segment(
        packet, sip_marked, policy_, now,
        [&](std::string_view text) { (void)on_message_text(text, packet.tuple, now, plan); },
        [&] { refuse(RefuseReason::not_understood, Error::too_large, packet.tuple, plan); });
    plan.flow_mark = outcome.mark;
    if (outcome.opaque) plan.events.emplace_back(OpaqueEvent{*outcome.opaque, packet.tuple});
    if (outcome.table_full) refuse(RefuseReason::too_many_flows, Error::not_sip, packet.tuple, plan);
}

bool Engine::on_message_text(std::string_view text, const FlowTuple& tuple, TimePoint now, Plan& plan) {
    if (!rate_.take(tuple.source.address, now)) {
        ++counters_.over_rate;
        refuse(RefuseReason::too_many_messages, Error::not_sip, tuple, plan);
        return true;  // unread is not malformed
    }
    if (const auto parsed = message_.parse(text, limits_); !parsed) {
        ++counters_.not_understood;
        refuse(RefuseReason::not_understood, parsed.error(), tuple, plan);
        return false;
    }
    ++counters_.messages;
    signalling_.on_message({message_, tuple, now}, plan);
    return true;
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
    signalling_.release_erased();
    signalling_.expire(now, witness, plan);
    connections_.expire(now);
}

}  // namespace messenger::alg
