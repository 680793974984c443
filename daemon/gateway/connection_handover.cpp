// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/connection_handover.h"

#include <chrono>
#include <cstddef>
#include <vector>

#include "daemon/translate.h"

namespace messenger::daemon {

namespace {

constexpr auto kPatience = std::chrono::seconds(10);  // of the guard with the connections of a daemon that stopped

}  // namespace

nft::Expected<void> ConnectionHandover::take_over(std::uint32_t edited, alg::TimePoint now) {
    if (const auto state = file_.take()) {
        const std::size_t count = parts_.engine.load_connections({state->data(), state->size()}, now);
        parts_.log.notice("start", "took over {} edited TCP connections", count);
    }
    const auto flows = parts_.conntrack.list(edited, edited);
    if (!flows) return flows.error();
    std::vector<alg::FlowTuple> orphans;
    for (const nft::FlowState& flow : *flows) {
        // As forwarded: the inside host shows its own address on both sides of an outbound connection's entry, and in
        // the answers of one that came from outside.
        const alg::FlowTuple original = to_alg(flow.original);
        const alg::FlowTuple reply = to_alg(flow.reply);
        const bool outbound = parts_.engine.policy().inside.contains(original.source.address);
        const alg::FlowTuple forwarded =
            outbound ? original : alg::FlowTuple{reply.source, original.source, original.transport};
        // One whose port has been taken out of sip.ports does not come to us any more.
        if (parts_.engine.has_edited(forwarded) && parts_.engine.is_sip_port(forwarded)) {
            parts_.edited.note(forwarded, now);
        } else {
            orphans.push_back(forwarded);
        }
    }
    parts_.pipeline.set_orphans(orphans);
    if (!orphans.empty()) {
        parts_.log.warning(
            "start",
            "{} edited TCP connections cannot go on, for no word of their state was left, or their port is "
            "none of sip.ports any more: they are reset, and their clients connect anew",
            orphans.size());
    }
    return {};
}

nft::Expected<void> ConnectionHandover::leave_behind() {
    std::vector<std::byte> state;
    parts_.engine.save_connections(state);
    if (const std::string error = file_.write(state); !error.empty()) {
        parts_.log.warning("stop", "edited TCP connections will be reset, their state could not be left behind: {}",
                           error);
        return {};
    }
    return parts_.sync.announce_handover(kPatience);
}

}  // namespace messenger::daemon
