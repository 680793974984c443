// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <optional>

#include "alg/engine.h"
#include "daemon/gateway/pinhole_sync.h"
#include "daemon/process/event_loop.h"

namespace messenger::daemon {

/// When closed pinholes are looked at (closed_pinholes.h): in the round that has closed them, after its verdicts, for
/// the packets that could have brought one back are through then. In a rush, those of several rounds together.
class ClosedLooks {
   public:
    using Report = std::function<void(const std::optional<nft::NftError>& error)>;

    /// All borrowed; they outlive this object.
    ClosedLooks(EventLoop& loop, PinholeSync& sync, const alg::Engine& engine, Report report);

    /// To be called at the end of each round.
    void end_round(bool rush);

   private:
    void look();
    void look_later();

    EventLoop& loop_;
    PinholeSync& sync_;
    const alg::Engine& engine_;
    Report report_;
    EventLoop::TimerId later_timer_;
    EventLoop::TimerId late_timer_;
    bool looks_later_ = false;  ///< what was found open, could not be looked at, or has closed in a rush
    bool looks_late_ = false;
};

}  // namespace messenger::daemon
