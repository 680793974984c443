// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/capture_run.h"

#include <algorithm>
#include <cassert>

#include "alg/net/packet.h"

namespace messenger::daemon {

void CaptureRun::on_packet(const CapturedPacket& packet) {
    advance(packet.time);
    const auto view = alg::parse_packet(packet.octets);
    if (!view) {
        ++other_packets_;
        return;
    }
    if (engine_.is_sip_port(view->tuple)) {
        alg::PacketContext context;
        if (nat_) context.nat = &*nat_;
        engine_.on_packet(packet.octets, context, now_, plan_);
        if (!plan_.events.empty()) {
            report_.on_plan(now_, plan_);
            return;
        }
    }
    if (engine_.on_media(view->tuple, view->tcp, now_)) report_.on_media(now_, view->tuple);
}

void CaptureRun::advance(alg::TimePoint to) {
    if (!first_) {
        first_ = to;
        now_ = to;
    }
    if (to < now_) ++packets_back_;
    now_ = std::max(now_, to);
    for (auto due = engine_.next_expiry(); due && *due <= now_;) {
        engine_.expire(*due, nullptr, plan_);
        if (!plan_.events.empty() || !plan_.changes.empty()) report_.on_plan(*due, plan_);
        const auto next = engine_.next_expiry();
        assert(!next || *next > *due);
        due = next;
    }
}

void CaptureRun::describe(CaptureSummary& summary) const {
    summary.first = first_.value_or(alg::TimePoint{});
    summary.last = now_;
    summary.counters = engine_.counters();
    summary.other_packets = other_packets_;
    summary.packets_back = packets_back_;
    summary.open_pinholes = engine_.pinholes().size();
    const auto& calls = engine_.calls().all();
    summary.open_calls = static_cast<std::size_t>(
        std::count_if(calls.begin(), calls.end(), [](const auto& entry) { return entry.second.alive(); }));
}

}  // namespace messenger::daemon
