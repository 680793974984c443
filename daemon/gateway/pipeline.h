// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "alg/engine.h"
#include "daemon/gateway/edited_connections.h"
#include "daemon/gateway/pinhole_sync.h"
#include "daemon/gateway/plan_observer.h"
#include "daemon/gateway/source_check.h"
#include "daemon/gateway/tracking_check.h"
#include "daemon/process/outside_interfaces.h"
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
        std::uint64_t changes = 0;    ///< packets that had something changed in the kernel
        std::uint64_t fallbacks = 0;  ///< packets that got the fallback verdict
        std::uint64_t escapes = 0;    ///< exceptions that were turned into it, such as out of memory
        std::uint64_t orphans = 0;    ///< packets of connections that have to be reset
        std::uint64_t held = 0;       ///< packets that waited for the rest of their message
        std::uint64_t forged = 0;     ///< packets with an inside source address from elsewhere; passed unread
    };

    /// All borrowed; they outlive this object.
    Pipeline(alg::Engine& engine, PinholeSync& sync, PlanObserver& observer, const Options& options)
        : engine_(engine), sync_(sync), observer_(observer), options_(options) {}

    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;
    Pipeline(Pipeline&&) = delete;
    Pipeline& operator=(Pipeline&&) = delete;
    ~Pipeline() { drop_held(); }

    /// From now on packets through these interfaces are those of hidden hosts. Both borrowed.
    void set_nat(OutsideInterfaces& outside, alg::FlowTranslations& translations) {
        outside_ = &outside;
        translations_ = &translations;
    }

    /// Borrowed; is shown packets that make flows known to conntrack.
    void set_tracking_check(TrackingCheck& tracking) { tracking_ = &tracking; }

    /// Borrowed; is told of the packets of edited connections.
    void set_edited_connections(EditedConnections& edited) { edited_ = &edited; }

    /// From now on packets that are not from where they say are not read. Borrowed.
    void set_source_check(SourceCheck& sources) { sources_ = &sources; }

    /// Decides every packet of the batch; each gets exactly one verdict, now or, of a TCP connection whose messages may
    /// be edited, when its message is complete: the sink must outlive this object. Returns the kernel's complaint if
    /// the transaction failed: then what the engine wants and what the kernel has differ, and the caller reinstalls.
    [[nodiscard]] std::optional<nft::NftError> on_batch(std::span<const QueuedPacket> packets, VerdictSink& sink,
                                                        alg::TimePoint now);
    /// Ends what is due.
    [[nodiscard]] std::optional<nft::NftError> expire(alg::TimePoint now);

    /// Drops the packets that wait for the rest of their message: nobody has acknowledged them, so they come again.
    void drop_held();
    /// TCP connections whose bytes were edited by a daemon that left no word of how: their packets go to the guard,
    /// which resets them. tuples: either direction, as forwarded.
    void set_orphans(std::span<const alg::FlowTuple> tuples);
    /// Something that no packet asked for: an operator's order, which fills in the plan.
    using Order = std::function<void(alg::Plan& plan)>;
    [[nodiscard]] std::optional<nft::NftError> carry_out(const Order& order, alg::TimePoint now);

    [[nodiscard]] const Counters& counters() const { return counters_; }
    /// Packets that wait for the rest of their message now.
    [[nodiscard]] std::size_t held_now() const { return held_.size(); }

   private:
    struct Decision {
        PendingVerdict verdict;
        bool accept = true;
        bool needs_kernel = false;  ///< it waits for the transaction
        std::optional<std::uint32_t> mark;
        std::size_t replacement_at = 0;  ///< in bytes_
        std::size_t replacement_size = 0;
    };
    /// A packet that waits for the rest of its message, perhaps over several batches.
    struct Held {
        PendingVerdict verdict;
        std::uint32_t mark = 0;
    };
    void hear(std::span<const QueuedPacket> packets, alg::TimePoint now);
    void decide(const QueuedPacket& packet, PendingVerdict verdict, alg::TimePoint now);
    [[nodiscard]] bool is_forged(const QueuedPacket& packet, alg::TimePoint now);
    [[nodiscard]] bool admit(const QueuedPacket& packet, alg::TimePoint now);
    void look(const QueuedPacket& packet, alg::TimePoint now);
    [[nodiscard]] bool is_orphan(const QueuedPacket& packet);
    [[nodiscard]] std::optional<std::uint32_t> new_mark(std::uint32_t mark) const;
    void release();
    void replace(Decision& decision, std::span<const std::byte> packet);
    void give(bool committed);

    alg::Engine& engine_;
    PinholeSync& sync_;
    PlanObserver& observer_;
    SourceCheck* sources_ = nullptr;
    OutsideInterfaces* outside_ = nullptr;
    alg::FlowTranslations* translations_ = nullptr;
    EditedConnections* edited_ = nullptr;
    TrackingCheck* tracking_ = nullptr;
    Options options_;
    Counters counters_;
    alg::Plan plan_;                         ///< kept for its memory
    std::vector<Decision> decisions_;        ///< likewise
    std::vector<std::byte> bytes_;           ///< the packets that are replaced; likewise
    std::vector<alg::IpAddress> new_hosts_;  ///< likewise
    std::unordered_map<alg::PacketToken, Held> held_;
    std::set<alg::FlowTuple> orphans_;  ///< both directions of each
};

}  // namespace messenger::daemon
