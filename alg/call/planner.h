// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "alg/call/call_table.h"
#include "alg/call/pinhole_table.h"
#include "alg/limits.h"
#include "alg/plan.h"
#include "alg/policy.h"

namespace messenger::alg {

/// Turns the state of a call into pinholes: what its live dialogs need now, against what it has open. The only place
/// that opens and closes, so a call that ends, a stream that moves and a failed re-INVITE are all the same case.
class Planner {
   public:
    Planner(const Policy& policy, const Limits& limits, PinholeTable& pinholes)
        : policy_(policy), limits_(limits), pinholes_(pinholes) {}

    /// Brings the call's pinholes in line with its state. reason: why whatever is not needed any more closes. asked:
    /// the packet that led to it, for the report if a limit refuses.
    void apply(Call& call, CloseReason reason, TimePoint now, const FlowTuple& asked, Plan& plan);

    /// The same, but closes only: for what time ends. A pinhole that has died of silence is not needed anew because a
    /// timer went off.
    void withdraw(Call& call, CloseReason reason, TimePoint now, Plan& plan);

    /// A pinhole died of silence: takes it from every call that had it.
    void expired(const PinholeKey& key, CallTable& calls, Plan& plan);

   private:
    struct Wanted {
        OpenPinhole pinhole;
        bool remote_is_private = false;
    };
    void collect(const Call& call);
    void collect_agent(const Call& call, const Dialog& dialog, const Agent& agent);
    void collect_pair(const Call& call, const OfferAnswer::PairView& pair, bool anywhere);
    void collect_stream(const Call& call, const Stream& local, const Stream* remote, const Description& remote_side);
    [[nodiscard]] static bool pin(const Call& call, const Stream& remote, const StreamPort& port,
                                  const Description& remote_side, Wanted& wanted);
    [[nodiscard]] static bool is_unreachable(const Call& call, const IpAddress& address,
                                             const Description& remote_side);
    [[nodiscard]] static bool has_reachable_candidate(const Call& call, const Stream& remote,
                                                      const Description& remote_side);
    void want(const Wanted& wanted);
    void open(Call& call, const Wanted& wanted, TimePoint now, const FlowTuple& asked, Plan& plan);
    static void refuse(const Call& call, std::uint16_t port, const FlowTuple& asked, Plan& plan);
    void close(Call& call, const OpenPinhole& pinhole, CloseReason reason, Plan& plan);
    void keep(Call& call, OpenPinhole& pinhole, const Wanted& wanted, TimePoint now, Plan& plan);
    static void seed(const OpenPinhole& pinhole, Plan& plan);

    const Policy& policy_;
    const Limits& limits_;
    PinholeTable& pinholes_;
    bool left_out_ = false;       ///< more was wanted than Limits::pinholes_per_call
    std::vector<Wanted> wanted_;  ///< of the call at hand; kept for its memory
};

}  // namespace messenger::alg
