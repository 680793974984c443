// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/table_keeper.h"

#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "daemon/process/clock.h"
#include "nft/set_spec.h"

namespace messenger::daemon {

namespace {

constexpr auto kRepairDelay = std::chrono::milliseconds(200);
constexpr auto kLongestInstallDelay = std::chrono::seconds(1);
constexpr auto kBetweenFailuresTold = std::chrono::seconds(10);
constexpr auto kBetweenRefusedLooks = std::chrono::seconds(10);
constexpr auto kShortestPause = std::chrono::milliseconds(20);  // between looks for elements that others have removed
constexpr int kPausePerLook = 10;                               // times what the last one took

}  // namespace

TableKeeper::TableKeeper(const Parts& parts)
    : parts_(parts),
      repair_timer_(parts.loop.add_timer([this] { repair(); })),
      loss_timer_(parts.loop.add_timer([this] { look_for_losses(); })),
      install_delay_(kRepairDelay) {}

void TableKeeper::follow_changes() {
    parts_.loop.watch(watch_->fd(), EPOLLIN, [this](std::uint32_t) { on_change(); });
}

void TableKeeper::on_change() {
    if (!watch_->changed()) return;
    const auto state = parts_.schema.verify();
    if (!state) {
        report(state.error());
        return;
    }
    if (state->kind != nft::SchemaState::Kind::intact) {
        reinstall(state->detail);
        return;
    }
    // At once, for without sip_ports nothing is read, and what others add is open. But many elements come in many
    // reports, and whoever changes them for ever must not keep us from packets.
    owes_look_ = true;
    if (parts_.loop.now() >= next_loss_look_) {
        look_for_losses();
    } else {
        parts_.loop.set_timer(loss_timer_, next_loss_look_);
    }
}

void TableKeeper::catch_up() {
    on_change();
    if (owes_look_) look_for_losses();
}

void TableKeeper::look_for_losses() {
    owes_look_ = false;
    const alg::TimePoint begun = read_clock();
    const nft::RulesetWatch::Removals removals = watch_->take_removals();
    using Additions = nft::RulesetWatch::Additions;
    if (const Additions additions = watch_->take_additions(); additions != Additions::none) {
        // A new table has nothing that nobody wants, however much they have put into this one.
        reinstall(additions == Additions::seen ? "somebody has put elements into its sets"
                                               : "others change more than can be followed, perhaps its sets");
    } else if (removals.unknown) {
        look_everywhere(begun);
    } else {
        put_back(removals.elements, begun);
    }
    look_at_refused();
    const alg::TimePoint ended = read_clock();
    next_loss_look_ = ended + std::max<alg::Duration>(kShortestPause, kPausePerLook * (ended - begun));
}

void TableKeeper::look_everywhere(alg::TimePoint now) {
    const auto loss = parts_.sync.find_loss(parts_.engine, now);
    if (!loss) {
        report(loss.error());
    } else if (*loss) {
        const auto changes = parts_.sync.take_over(parts_.engine, now);
        if (!changes) {
            report(changes.error());
        } else if (*changes > 0) {
            parts_.log.warning("table", "{} elements were put back: somebody has removed them from set {} or others",
                               *changes, nft::spec_of(**loss).name);
        }
    }
}

void TableKeeper::put_back(std::span<const nft::Place> removed, alg::TimePoint now) {
    const bool several = std::any_of(removed.begin(), removed.end(),
                                     [&](const auto& place) { return place.set != removed.front().set; });
    const auto count = parts_.sync.put_back(removed, parts_.engine, now);
    if (!count) {
        report(count.error());
    } else if (*count > 0) {
        parts_.log.warning("table", "{} elements were put back: somebody has removed them from set {}{}", *count,
                           nft::spec_of(removed.front().set).name, several ? " and others" : "");
    }
}

void TableKeeper::reinstall(std::string_view why) {
    const auto installed = parts_.sync.reinstall(parts_.engine, parts_.loop.now());
    if (!installed) {
        needs_new_table_ = true;
        report(installed.error());
        return;
    }
    // What had failed is in it now; once more would only cost the packets that wait in the queues.
    end_repairs();
    needs_new_table_ = false;
    parts_.unread.begin();
    parts_.log.warning("table", "the table inet {} was put back with {} pinholes: {}", nft::kTable,
                       parts_.engine.pinholes().size(), why);
    look_at_refused();
}

void TableKeeper::report(const std::optional<nft::NftError>& error) {
    if (const auto unmade = parts_.sync.take_flow_error()) {
        parts_.log.error("conntrack",
                         "{}; its pinhole is open, but your firewall sees a new flow in its first packet (is the table "
                         "of conntrack full? compare nf_conntrack_count and nf_conntrack_max of net.netfilter)",
                         unmade->message());
    }
    look_at_refused();
    if (!error) return;
    tell(error->message());
    // Whatever it was, what the kernel has may now differ from what is wanted: make it the same soon.
    const bool full = error->failure == nft::Failure::set_full;
    // A set that is full of our own elements would be full again; if it is not, others' are in it.
    if (full && parts_.engine.pinholes().size() >= parts_.schema.options().set_size) return;
    needs_new_table_ = needs_new_table_ || full || error->failure == nft::Failure::schema_gone;
    parts_.sync.set_in_doubt(true);
    repair_soon();
}

void TableKeeper::tell(const std::string& failure) {
    const alg::TimePoint now = parts_.loop.now();
    if (has_tried_repair_ && now < next_told_) {
        ++untold_;
        return;
    }
    next_told_ = now + kBetweenFailuresTold;
    const std::uint64_t more = std::exchange(untold_, 0);
    parts_.log.error("kernel", "{}{}", failure, more == 0 ? "" : fmt::format(" (and {} failures more since)", more));
}

void TableKeeper::repair_soon() {
    if (repair_at_) return;
    repair_at_ = parts_.loop.now() + (needs_new_table_ ? install_delay_ : alg::Duration(kRepairDelay));
    parts_.loop.set_timer(repair_timer_, repair_at_);
}

void TableKeeper::end_repairs() {
    parts_.loop.set_timer(repair_timer_, std::nullopt);
    repair_at_.reset();
    install_delay_ = kRepairDelay;
    has_tried_repair_ = false;
    untold_ = 0;
    parts_.sync.set_in_doubt(false);
}

bool TableKeeper::look_at_refused() {
    const std::size_t refused = parts_.sync.take_refused();
    if (refused == 0) return false;
    const alg::TimePoint now = parts_.loop.now();
    const bool again = now >= next_refused_look_;
    parts_.log.error("kernel", "{} elements are not in the table, for the warden has turned them down{}", refused,
                     again ? "; all others are, and these are tried once more" : "; all others are");
    if (!again) return true;
    next_refused_look_ = now + kBetweenRefusedLooks;
    repair_soon();
    return true;
}

/// The table stays if it can: with a new one, packets of running calls would be lost for what another call lacks.
void TableKeeper::repair() {
    repair_at_.reset();
    has_tried_repair_ = true;
    if (needs_new_table_) {
        install_delay_ = std::min<alg::Duration>(2 * install_delay_, kLongestInstallDelay);
        reinstall("its last change failed");
        return;
    }
    const auto repaired = parts_.sync.take_over(parts_.engine, parts_.loop.now());
    if (!repaired) {
        report(repaired.error());
        return;
    }
    end_repairs();
    if (look_at_refused()) return;
    parts_.log.notice("table", "the kernel takes changes again: the table inet {} has all {} pinholes", nft::kTable,
                      parts_.engine.pinholes().size());
}

}  // namespace messenger::daemon
