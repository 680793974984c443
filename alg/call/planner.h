// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "alg/call/binding_planner.h"
#include "alg/call/call_table.h"
#include "alg/call/pinhole_table.h"
#include "alg/call/wanted_pinholes.h"
#include "alg/limits.h"
#include "alg/plan.h"
#include "alg/policy.h"

namespace messenger::alg {

/// Brings what a call has open in line with what it needs now (WantedPinholes). The only place that opens and closes,
/// so a call that ends, a stream that moves and a failed re-INVITE are all the same case.
class Planner {
   public:
    Planner(const Policy& policy, const Limits& limits, CallTable& calls, PinholeTable& pinholes,
            BindingTable& bindings)
        : policy_(policy),
          limits_(limits),
          calls_(calls),
          pinholes_(pinholes),
          bindings_(bindings),
          binding_planner_(policy, limits, bindings),
          wanted_(policy, limits, pinholes) {}

    /// Brings the call's pinholes in line with its state, of which it leaves out what is too much. reason: why whatever
    /// is not needed any more closes. asked: the packet that led to it, for the report if a limit refuses.
    void apply(Call& call, CloseReason reason, TimePoint now, const FlowTuple& asked, Plan& plan);

    /// The same, but closes only: for what time ends. A pinhole that has died of silence is not needed anew because a
    /// timer went off.
    void withdraw(Call& call, CloseReason reason, TimePoint now, Plan& plan);

    /// Whether the policy blocks one of those that the call has something open for.
    [[nodiscard]] bool concerns_blocked(const Call& call);

    /// What the last planning has cost: see WantedPinholes.
    [[nodiscard]] std::size_t steps_taken() const { return wanted_.steps_taken(); }

    /// A pinhole died of silence, or with its connection: takes it from every call that had it.
    void expired(const PinholeKey& key, Plan& plan);

    /// Whose pinhole that is, for the kernel: change.label and change.sharer. False if nobody's.
    bool name_holders(PinholeChange& change) const;
    /// The kernel keeps with a pinhole whose it is, and that has changed. Otherwise, after a restart, the end of one
    /// call would take it away from another, or be taken for that of another call.
    void tell_holders(const PinholeKey& key, TimePoint now, Plan& plan) const;

   private:
    using Wanted = WantedPinholes::Wanted;

    void close_unwanted(Call& call, CloseReason reason, TimePoint now, Plan& plan);
    void open(Call& call, const Wanted& wanted, TimePoint now, const FlowTuple& asked, Plan& plan);
    [[nodiscard]] bool is_hidden(const Wanted& wanted) const;
    [[nodiscard]] bool leads_elsewhere(const Wanted& wanted, const PinholeTable::Pinhole* known) const;
    void unclaim(const PinholeKey& key, const std::optional<Endpoint>& outside);
    static void refuse(const Call& call, RefuseReason reason, std::uint16_t port, const FlowTuple& asked, Plan& plan);
    void refuse_taken(const Call& call, const PinholeKey& key, const Endpoint& outside, const FlowTuple& asked,
                      Plan& plan) const;
    void close(Call& call, const OpenPinhole& pinhole, CloseReason reason, TimePoint now, Plan& plan);
    void keep(Call& call, OpenPinhole& pinhole, const Wanted& wanted, const PinholeTable::Pinhole* known, TimePoint now,
              Plan& plan);
    void seed(const OpenPinhole& pinhole, Plan& plan) const;

    const Policy& policy_;
    const Limits& limits_;
    CallTable& calls_;
    PinholeTable& pinholes_;
    BindingTable& bindings_;
    BindingPlanner binding_planner_;
    WantedPinholes wanted_;  ///< by the call at hand
};

}  // namespace messenger::alg
