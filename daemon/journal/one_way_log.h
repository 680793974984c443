// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/journal/media_watch.h"
#include "daemon/process/log.h"

namespace messenger::daemon {

/// Writes one-way media to the log, for an operator who does not look.
class OneWayLog final : public OneWayObserver {
   public:
    explicit OneWayLog(Log& log) : log_(log) {}
    void on_one_way(const CallRecord& call, const PinholeRecord& pinhole, const OneWay& one_way) override {
        log_.warning("one_way", "one-way audio: nothing from the {} for {}, call {}: {}",
                     one_way.silent == SilentSide::inside ? "inside host" : "peer", pinhole.key.inside.to_string(),
                     call.call_id, describe(one_way.silent, one_way.cause));
    }
    void on_both_ways(const CallRecord& call, const PinholeRecord& pinhole) override {
        log_.notice("one_way", "one-way audio is over for {}, call {}", pinhole.key.inside.to_string(), call.call_id);
    }

   private:
    Log& log_;
};

}  // namespace messenger::daemon
