// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/pipeline.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "alg/net/packet.h"

namespace messenger::daemon {

namespace {

[[nodiscard]] alg::PacketToken token_of(const QueuedPacket& packet) {
    return alg::PacketToken{packet.queue} << 32U | packet.id;
}

/// Who only looks on edits nothing but the connections that are edited already: their ends count on it.
[[nodiscard]] alg::FlowTranslations& not_translated() {
    class None final : public alg::FlowTranslations {
       public:
        [[nodiscard]] Answer find(const alg::FlowTuple& /*tuple*/) override {
            return {Answer::Kind::not_translated, {}};
        }
    };
    static None none;
    return none;
}

}  // namespace

std::optional<nft::NftError> Pipeline::on_batch(std::span<const QueuedPacket> packets, VerdictSink& sink,
                                                alg::TimePoint now) {
    ++counters_.batches;
    hear(packets, now);
    for (const QueuedPacket& packet : packets) {
        decide(packet, PendingVerdict(sink, packet.queue, packet.id, options_.fallback), now);
    }
    auto committed = sync_.commit();
    give(committed.has_value());
    if (committed) return std::nullopt;
    return committed.error();
}

/// Inside hosts that speak for the first time: all of a batch with one question.
void Pipeline::hear(std::span<const QueuedPacket> packets, alg::TimePoint now) {
    new_hosts_.clear();
    for (const QueuedPacket& packet : packets) {
        if (packet.queue == options_.admit_queue) continue;
        const auto source = alg::source_address(packet.payload);
        if (!source || sync_.knows(*source) || !engine_.policy().inside.contains(*source)) continue;
        if (std::find(new_hosts_.begin(), new_hosts_.end(), *source) == new_hosts_.end()) new_hosts_.push_back(*source);
    }
    if (!new_hosts_.empty()) sync_.hear(new_hosts_, engine_, now);
}

std::optional<nft::NftError> Pipeline::expire(alg::TimePoint now) {
    engine_.expire(now, &sync_, plan_);
    observer_.on_plan(plan_, now);
    sync_.stage(plan_);
    release();
    auto committed = sync_.commit();
    give(committed.has_value());
    if (committed) return std::nullopt;
    return committed.error();
}

std::optional<nft::NftError> Pipeline::carry_out(const Order& order, alg::TimePoint now) {
    plan_.clear();
    order(plan_);
    observer_.on_plan(plan_, now);
    sync_.stage(plan_);
    release();
    auto committed = sync_.commit();
    give(committed.has_value());
    if (committed) return std::nullopt;
    return committed.error();
}

void Pipeline::decide(const QueuedPacket& packet, PendingVerdict verdict, alg::TimePoint now) {
    if (sources_ != nullptr && is_forged(packet, now)) {
        // Whether it may pass is for the operator's firewall to say.
        decisions_.push_back({std::move(verdict), true, false, std::nullopt});
        return;
    }
    if (packet.queue == options_.admit_queue) {
        decisions_.push_back({std::move(verdict), admit(packet, now), false, std::nullopt});
        return;
    }
    if (packet.truncated) {  // longer than a netlink message can carry: nothing of ours is
        decisions_.push_back({std::move(verdict), true, false, std::nullopt});
        return;
    }
    if (!orphans_.empty() && is_orphan(packet)) {
        ++counters_.orphans;
        decisions_.push_back({std::move(verdict), true, false, std::nullopt});
        return;
    }
    try {
        look(packet, now);
    } catch (const std::exception&) {
        // Out of memory and the like: the packet goes its way unread rather than the process down.
        ++counters_.escapes;
        const bool accept = options_.fallback == Verdict::Action::accept;
        decisions_.push_back({std::move(verdict), accept, true, std::nullopt});
        return;
    }
    if (plan_.released) {
        held_.insert_or_assign(token_of(packet), Held{std::move(verdict), packet.mark});
        release();
        if (held_.contains(token_of(packet))) ++counters_.held;
        return;
    }
    const bool accept = plan_.verdict == alg::Verdict::accept || sync_.observing();
    decisions_.push_back({std::move(verdict), accept, PinholeSync::concerns_kernel(plan_), new_mark(packet.mark)});
    if (!plan_.replacement.empty()) replace(decisions_.back(), plan_.replacement);
}

bool Pipeline::is_forged(const QueuedPacket& packet, alg::TimePoint now) {
    const auto source = alg::source_address(packet.payload);
    if (!source || !engine_.policy().inside.contains(*source)) return false;
    if (!sources_->is_forged(*source, packet.indev, now)) return false;
    ++counters_.forged;
    const auto view = alg::parse_packet(packet.payload);
    plan_.clear();
    alg::RefuseEvent refused;
    refused.reason = alg::RefuseReason::wrong_side;
    if (view) refused.tuple = view->tuple;
    refused.tuple.source.address = *source;
    plan_.events.emplace_back(refused);
    observer_.on_plan(plan_, now);
    return true;
}

/// The first packet of a flow, or the last ones of a TCP connection. What no pinhole admits goes on all the same:
/// without a conntrack entry the operator's firewall decides about it. Only who finds a pinhole used up is turned away.
bool Pipeline::admit(const QueuedPacket& packet, alg::TimePoint now) {
    const auto view = alg::parse_packet(packet.payload);
    if (!view) return true;
    const auto admission = engine_.admit(view->tuple, view->tcp, now, plan_);
    observer_.on_plan(plan_, now);
    if (!admission) return true;
    if (admission->refused) return false;
    const bool ends = view->tcp.fin || view->tcp.rst;
    if (ends) return true;
    sync_.stage_admission(*admission);
    ++counters_.changes;
    return true;
}

/// Leaves in plan_ what is to become of the packet, and in sync_ what the kernel has to know.
void Pipeline::look(const QueuedPacket& packet, alg::TimePoint now) {
    alg::PacketContext context;
    context.sip_marked = (packet.mark & options_.marks.sip()) != 0;
    context.in_queue = true;
    context.token = token_of(packet);
    context.observed = sync_.observing();
    std::optional<OutsidePath> path;
    if (outside_ != nullptr) {
        if (outside_->is_unknown(packet.indev) || outside_->is_unknown(packet.outdev)) outside_->refresh();
        path = outside_->find_path(packet.indev, packet.outdev);
        if (path) context.nat = &path->nat;
        context.translations = sync_.observing() ? &not_translated() : translations_;
    }
    engine_.on_packet(packet.payload, context, now, plan_);
    observer_.on_plan(plan_, now);
    sync_.stage(plan_);
    const bool answers = tracking_ != nullptr && !plan_.seeds.empty();
    if (!plan_.released && !answers) return;
    const auto view = alg::parse_packet(packet.payload);
    if (view && answers) tracking_->look(view->tuple, now);
    if (view && edited_ != nullptr && engine_.has_edited(view->tuple)) edited_->note(view->tuple, now);
    if (!plan_.first_edit) return;
    // If it fails, conntrack or the guard cuts the connection, and its ends make a new one.
    if (view && !sync_.allow_other_numbers(view->tuple)) ++counters_.fallbacks;
}

void Pipeline::set_orphans(std::span<const alg::FlowTuple> tuples) {
    orphans_.clear();
    for (const alg::FlowTuple& tuple : tuples) {
        orphans_.insert(tuple);
        orphans_.insert(tuple.reversed());
    }
}

bool Pipeline::is_orphan(const QueuedPacket& packet) {
    const auto view = alg::parse_packet(packet.payload);
    if (!view || !orphans_.contains(view->tuple)) return false;
    if (!view->tcp.syn || view->tcp.ack) return true;
    // Its ports are used again.
    orphans_.erase(view->tuple);
    orphans_.erase(view->tuple.reversed());
    return false;
}

void Pipeline::drop_held() {
    for (auto& [token, held] : held_) held.verdict.drop();
    held_.clear();
}

std::optional<std::uint32_t> Pipeline::new_mark(std::uint32_t mark) const {
    switch (plan_.flow_mark) {
        case alg::FlowMark::none: break;
        case alg::FlowMark::sip: return mark | options_.marks.sip();
        case alg::FlowMark::opaque: return (mark & ~options_.marks.sip()) | options_.marks.opaque();
    }
    return std::nullopt;
}

/// The plan's verdicts on packets that waited, or could have.
void Pipeline::release() {
    for (std::size_t i = 0; i < plan_.releases.size(); ++i) {
        const alg::Release& release = plan_.releases[i];
        auto held = held_.extract(release.token);
        if (held.empty()) continue;
        Held& packet = held.mapped();
        std::uint32_t mark = new_mark(packet.mark).value_or(packet.mark);
        // Shows that we have seen the packet, and marks the connection: the guard lets no other packet of it on.
        if (release.edited) mark |= options_.marks.edited();
        decisions_.push_back(
            {std::move(packet.verdict), release.fate != alg::Fate::drop, PinholeSync::concerns_kernel(plan_), mark});
        if (release.fate == alg::Fate::replace) replace(decisions_.back(), release.packet);
    }
}

void Pipeline::replace(Decision& decision, std::span<const std::byte> packet) {
    decision.replacement_at = bytes_.size();
    decision.replacement_size = packet.size();
    bytes_.insert(bytes_.end(), packet.begin(), packet.end());
}

void Pipeline::give(bool committed) {
    for (Decision& decision : decisions_) {
        if (decision.needs_kernel) ++counters_.changes;
        const bool refused = decision.needs_kernel && !committed;
        if (refused) ++counters_.fallbacks;
        // What was read of a connection stands, whatever the kernel says: its bytes must go on as they were decided.
        if (!decision.accept || (refused && options_.fallback == Verdict::Action::drop)) {
            decision.verdict.drop();
        } else {
            decision.verdict.accept(decision.mark, std::span<const std::byte>(bytes_).subspan(
                                                       decision.replacement_at, decision.replacement_size));
        }
    }
    decisions_.clear();
    bytes_.clear();
}

}  // namespace messenger::daemon
