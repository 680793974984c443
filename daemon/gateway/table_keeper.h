// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "alg/engine.h"
#include "daemon/gateway/pinhole_sync.h"
#include "daemon/gateway/unread_packets.h"
#include "daemon/process/event_loop.h"
#include "daemon/process/log.h"
#include "nft/ruleset_watch.h"
#include "nft/schema.h"

namespace messenger::daemon {

/// Sees to it that the kernel's table stays what the engine wants it to be, whoever changes it and whatever the kernel
/// has refused.
class TableKeeper {
   public:
    struct Parts {
        alg::Engine& engine;
        PinholeSync& sync;
        nft::Schema& schema;
        UnreadPackets& unread;
        EventLoop& loop;
        Log& log;
    };

    /// parts are borrowed and outlive this.
    explicit TableKeeper(const Parts& parts);

    /// watch: what looks for changes of others; before all that follows.
    void set_watch(nft::RulesetWatch watch) { watch_.emplace(std::move(watch)); }
    /// Whether others have changed the table since the watch began, or since somebody looked: then it may not be what
    /// the engine wants. Not to be called when we follow changes, but at the start and at the end.
    [[nodiscard]] bool was_changed() { return watch_->changed() || owes_look_; }
    /// From then on the loop calls us.
    void follow_changes();

    /// Sees to changes that wait to be seen. To be called before the kernel is asked what has died of silence: what
    /// somebody else has removed is not silent.
    void catch_up();

    /// Makes the table anew with all that is wanted. Packets that wait in the queues are lost with the old one.
    void reinstall(std::string_view why);
    /// Tells the operator of a failure, and puts right soon what the kernel may lack now.
    void report(const std::optional<nft::NftError>& error);

   private:
    void on_change();
    void look_for_losses();
    void look_everywhere(alg::TimePoint now);
    void put_back(std::span<const nft::Place> removed, alg::TimePoint now);
    void repair();
    /// What the warden alone would not have is tried once more: this host may have got an address that it did not know
    /// of yet. Whether there was any.
    bool look_at_refused();
    void repair_soon();
    void end_repairs();
    void tell(const std::string& failure);

    Parts parts_;
    std::optional<nft::RulesetWatch> watch_;
    EventLoop::TimerId repair_timer_;
    EventLoop::TimerId loss_timer_;
    alg::TimePoint next_loss_look_;
    alg::Duration install_delay_;  ///< longer with each new table that fails; else media waits for what is lacking
    std::optional<alg::TimePoint> repair_at_;
    alg::TimePoint next_refused_look_;
    alg::TimePoint next_told_;  ///< while no repair has helped, failures are told of now and then only
    std::uint64_t untold_ = 0;
    bool has_tried_repair_ = false;  ///< in vain
    bool owes_look_ = false;         ///< for changes that have been seen
    bool needs_new_table_ = false;   ///< repair() cannot do with the one that is there
};

}  // namespace messenger::daemon
