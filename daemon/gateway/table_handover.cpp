// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/table_handover.h"

#include <utility>

#include "daemon/process/clock.h"
#include "nft/ruleset_watch.h"

namespace messenger::daemon {

void TableHandover::take(std::uint32_t generation) {
    const auto bytes = file_.take();
    if (!bytes || ruleset_.empty()) return;
    auto table = read_left_table({bytes->data(), bytes->size()}, ruleset_);
    if (!table || table->generation != generation || parts_.keeper.was_changed()) return;
    parts_.log.info("start", "what the daemon before this one has left about the sets holds, and they are not listed");
    parts_.sync.take(*std::move(table));
}

void TableHandover::leave() {
    if (ruleset_.empty()) return;
    // What others have changed until the first is told by the time of the second: the transaction in between waits for
    // those that are being committed, and changes nothing.
    const auto before = nft::read_generation(parts_.schema.socket());
    if (const auto waited = parts_.sync.wait_for_others(); !waited || parts_.keeper.was_changed()) return;
    auto table = parts_.sync.leave(parts_.engine, read_clock());
    const auto after = nft::read_generation(parts_.schema.socket());
    if (!before || !after || *before != *after || !table) return;
    table->generation = *after;
    if (const std::string error = file_.write(write_left_table(*table, ruleset_)); !error.empty()) {
        parts_.log.warning("stop", "the next start takes longer with many calls: {}", error);
    }
}

}  // namespace messenger::daemon
