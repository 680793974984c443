// SPDX-License-Identifier: GPL-2.0-or-later
// The part of PinholeSync that makes flows known to conntrack before their first packet, and tells the packet path
// which flows need no admission any more.
#include "daemon/gateway/pinhole_sync.h"

#include <array>
#include <chrono>

#include "daemon/process/clock.h"
#include "daemon/translate.h"

namespace messenger::daemon {

namespace {

/// Calls take with each element that says of a flow's packets, in either direction, that they need no admission.
template <class Take>
void each_admitted(const nft::FlowEntry& flow, Take take) {
    nft::FlowTuple arriving = flow.original;
    if (flow.outside) arriving.destination = *flow.outside;
    const nft::SetId set = nft::admitted(arriving.source.address.family());
    for (const nft::FlowTuple& direction : {arriving, flow.original.reversed()}) take(set, nft::Key::tuple(direction));
}

/// When the set of admitted flows was full, nothing is offered to it for so long: the kernel refuses a transaction with
/// an offer that finds no room as a whole, and lets some milliseconds pass before it has given it up.
constexpr auto kUntilOfferedAgain = std::chrono::seconds(1);

}  // namespace

void PinholeSync::stage_admission(const alg::Admission& admission) {
    if (!options_.admit) return;
    seed(admission);
    ++counters_.admitted;
}

void PinholeSync::seed(const alg::Admission& admission) {
    const nft::FlowTuple flow = to_nft(admission.from_remote);
    if (leads_nowhere(admission.outside)) {
        // The inside host's own packet: this host's other rules translate it to the address that there is now.
        const nft::SetId set = nft::admitted(flow.source.address.family());
        const nft::Element answers{nft::Key::tuple(flow.reversed()), options_.admitted, {}, {}};
        if (may_ask_for(set, answers)) staged_.offer(set, answers);
        return;
    }
    nft::FlowEntry entry;
    entry.original = flow;
    // Signalling is read packet by packet, and no pinhole has to be there for it.
    entry.mark = admission.signalling ? 0 : options_.marks.pinhole();
    entry.timeout = options_.first_packet;
    if (admission.outside) entry.outside = to_nft(*admission.outside);
    if (rules_ != nullptr && !rules_->may_seed(entry)) {
        ++counters_.turned_down;
        return;
    }
    seeds_.push_back(entry);
}

void PinholeSync::begin_flows() {
    conntrack_.begin_seeding(seeds_);
    if (offers_again_ && read_clock() < *offers_again_) return;
    // Only saves further packets the way through the queue: for want of room no pinhole must fail.
    for (const nft::FlowEntry& seed : seeds_) {
        each_admitted(seed, [&](nft::SetId set, const nft::Key& key) {
            const nft::Element admitted{key, options_.admitted, {}, {}};
            if (may_ask_for(set, admitted)) staged_.offer(set, admitted);
        });
    }
}

void PinholeSync::finish_flows() {
    const auto seeded = conntrack_.finish_seeding(seeds_);
    nft::Transaction not_admitted;
    for (std::size_t i = 0; i < seeds_.size(); ++i) {
        if (seeded[i]) continue;
        // The table of conntrack is full, or the kernel cannot: the flow is then an ordinary new one to the firewall.
        ++counters_.not_seeded;
        flow_error_ = seeded[i].error();
        each_admitted(seeds_[i], [&](nft::SetId set, const nft::Key& key) { not_admitted.discard(set, key); });
    }
    seeds_.clear();
    // If that fails, too, they go with a silence, as all of them do.
    if (!not_admitted.empty()) static_cast<void>(ruleset_.commit(not_admitted));
}

/// Of the flow that was made for a pinhole: what says that it is admitted would live on for a while, and of calls that
/// come and go fast the set would be full.
void PinholeSync::end_flow(const alg::PinholeChange& closed) {
    if (!options_.admit || observing_ || closed.remote_port == 0 || closed.key.any_remote) return;
    nft::FlowEntry entry;
    entry.original =
        to_nft(alg::FlowTuple{{closed.key.remote, closed.remote_port}, closed.key.inside, closed.key.transport});
    if (closed.outside) entry.outside = to_nft(*closed.outside);
    each_admitted(entry, [&](nft::SetId set, const nft::Key& key) { staged_.discard(set, key); });
}

nft::Expected<std::size_t> PinholeSync::forget_flows(const alg::IpAddress& outside) {
    const nft::Address gone = to_nft(outside);
    const auto flows = conntrack_.list(0, 0);
    if (!flows) return flows.error();
    std::size_t count = 0;
    for (const nft::FlowState& flow : *flows) {
        const bool from_inside = flow.reply.destination.address == gone && flow.original.source.address != gone;
        const bool from_outside = flow.original.destination.address == gone && flow.reply.source.address != gone;
        if (!from_inside && !from_outside) continue;
        const auto removed = conntrack_.remove(flow.original);
        if (!removed) return removed.error();
        count += *removed ? 1U : 0U;
    }
    return count;
}

void PinholeSync::note_no_room() {
    ++counters_.no_room;
    offers_again_ = read_clock() + kUntilOfferedAgain;
}

}  // namespace messenger::daemon
