// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "alg/engine.h"
#include "daemon/gateway/event_log.h"
#include "daemon/gateway/pinhole_sync.h"
#include "daemon/queue/queue_message.h"
#include "daemon/queue/verdict.h"
#include "nft/schema.h"

namespace messenger::daemon {

/// The one place where packets meet the engine and the kernel. A batch of queued packets is looked at, what it opens
/// and closes goes to the kernel in one transaction, and only then the verdicts go out: a packet that announces a
/// pinhole leaves the gateway after the pinhole is there, and none leaves for a closed one after the BYE.
class Pipeline {
   public:
    struct Options {
        nft::MarkLayout marks;
        std::uint16_t admit_queue = 0;
        Verdict::Action fallback = Verdict::Action::accept;  ///< for packets whose pinholes could not be made
    };
    struct Counters {
        std::uint64_t batches = 0;
        std::uint64_t fallbacks = 0;  ///< packets that got the fallback verdict
        std::uint64_t escapes = 0;    ///< exceptions that were turned into it, such as out of memory
    };

    /// All borrowed; they outlive this object.
    Pipeline(alg::Engine& engine, PinholeSync& sync, EventLog& events, const Options& options)
        : engine_(engine), sync_(sync), events_(events), options_(options) {}

    /// Decides every packet of the batch; each gets exactly one verdict. Returns the kernel's complaint if the
    /// transaction failed: then what the engine wants and what the kernel has differ, and the caller reinstalls.
    [[nodiscard]] std::optional<nft::NftError> on_batch(std::span<const QueuedPacket> packets, VerdictSink& sink,
                                                        alg::TimePoint now);
    /// Ends what is due.
    [[nodiscard]] std::optional<nft::NftError> expire(alg::TimePoint now);

    /// See PinholeSync::sweep.
    [[nodiscard]] std::optional<nft::NftError> sweep();

    [[nodiscard]] const Counters& counters() const { return counters_; }

   private:
    struct Decision {
        PendingVerdict verdict;
        bool accept = true;
        bool needs_kernel = false;  ///< it waits for the transaction
        std::optional<std::uint32_t> mark;
    };
    void decide(const QueuedPacket& packet, Decision& decision, alg::TimePoint now);
    void admit(const QueuedPacket& packet, Decision& decision);

    alg::Engine& engine_;
    PinholeSync& sync_;
    EventLog& events_;
    Options options_;
    Counters counters_;
    alg::Plan plan_;                   ///< kept for its memory
    std::vector<Decision> decisions_;  ///< likewise
};

}  // namespace messenger::daemon
