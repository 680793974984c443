// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/pipeline.h"

#include <exception>
#include <utility>

#include "alg/net/packet.h"

namespace messenger::daemon {

std::optional<nft::NftError> Pipeline::on_batch(std::span<const QueuedPacket> packets, VerdictSink& sink,
                                                alg::TimePoint now) {
    ++counters_.batches;
    decisions_.clear();
    for (const QueuedPacket& packet : packets) {
        decisions_.push_back(
            {PendingVerdict(sink, packet.queue, packet.id, options_.fallback), true, false, std::nullopt});
        try {
            decide(packet, decisions_.back(), now);
        } catch (const std::exception&) {
            // Out of memory and the like: the packet goes its way unread rather than the process down.
            ++counters_.escapes;
            decisions_.back().needs_kernel = true;
            decisions_.back().accept = options_.fallback == Verdict::Action::accept;
        }
    }
    auto committed = sync_.commit();
    for (Decision& decision : decisions_) {
        if (decision.needs_kernel && !committed) {
            ++counters_.fallbacks;
            continue;  // its destructor gives the fallback
        }
        if (decision.accept) {
            decision.verdict.accept(decision.mark);
        } else {
            decision.verdict.drop();
        }
    }
    decisions_.clear();
    if (committed) return std::nullopt;
    return committed.error();
}

std::optional<nft::NftError> Pipeline::expire(alg::TimePoint now) {
    engine_.expire(now, &sync_, plan_);
    events_.write(plan_);
    sync_.stage(plan_);
    auto committed = sync_.commit();
    if (committed) return std::nullopt;
    return committed.error();
}

std::optional<nft::NftError> Pipeline::sweep() {
    sync_.sweep(engine_);
    auto committed = sync_.commit();
    if (committed) return std::nullopt;
    return committed.error();
}

void Pipeline::decide(const QueuedPacket& packet, Decision& decision, alg::TimePoint now) {
    if (packet.queue == options_.admit_queue) {
        admit(packet, decision);
        return;
    }
    if (packet.truncated) return;  // longer than a netlink message can carry: nothing of ours is
    const bool sip_marked = (packet.mark & options_.marks.sip()) != 0;
    engine_.on_packet(packet.payload, sip_marked, now, plan_);
    events_.write(plan_);
    decision.accept = plan_.verdict == alg::Verdict::accept;
    decision.needs_kernel = !plan_.changes.empty();
    switch (plan_.flow_mark) {
        case alg::FlowMark::none: break;
        case alg::FlowMark::sip: decision.mark = packet.mark | options_.marks.sip(); break;
        case alg::FlowMark::opaque:
            decision.mark = (packet.mark & ~options_.marks.sip()) | options_.marks.opaque();
            break;
    }
    sync_.stage(plan_);
}

void Pipeline::admit(const QueuedPacket& packet, Decision& decision) {
    const auto view = alg::parse_packet(packet.payload);
    // Whatever comes of it the packet goes on: without a conntrack entry the operator's firewall decides about it.
    if (view && sync_.stage_admission(engine_, view->tuple)) decision.needs_kernel = false;
}

}  // namespace messenger::daemon
