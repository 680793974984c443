// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "alg/engine.h"
#include "daemon/gateway/event_log.h"
#include "daemon/gateway/event_stream.h"
#include "daemon/gateway/pinhole_sync.h"
#include "daemon/gateway/pipeline.h"
#include "daemon/journal/call_journal.h"
#include "daemon/process/log.h"

namespace messenger::daemon {

/// What an operator has ordered while the daemon runs: hosts that are blocked, calls that are closed, looking on. It
/// holds until it is taken back, or until a restart.
class Steering {
   public:
    struct Parts {
        alg::Engine& engine;
        Pipeline& pipeline;
        PinholeSync& sync;
        CallJournal& journal;
        EventLog& events;
        EventStream& stream;
        Log& log;
    };
    /// What goes wrong in the kernel is given to report.
    using Report = std::function<void(const std::optional<nft::NftError>&)>;

    /// parts are borrowed and outlive this.
    Steering(const Parts& parts, Report report) : parts_(parts), report_(std::move(report)) {}

    /// False if the call does not live.
    [[nodiscard]] bool close(const CallRecord& call, alg::TimePoint now);
    /// False if it was blocked already.
    bool block(const alg::IpAddress& host, alg::TimePoint now);
    /// False if it was not blocked.
    bool unblock(const alg::IpAddress& host);
    /// False if it was so already.
    bool observe(bool on, alg::TimePoint now);

    [[nodiscard]] bool observing() const { return parts_.sync.observing(); }
    /// For Policy::blocked, whenever a policy is made.
    [[nodiscard]] std::vector<alg::IpAddress> blocked() const { return {blocked_.begin(), blocked_.end()}; }

   private:
    void set_blocked();
    void tell(const std::string& text);

    Parts parts_;
    Report report_;
    std::set<alg::IpAddress> blocked_;
};

}  // namespace messenger::daemon
