// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <utility>
#include <vector>

#include "alg/base/hash_index.h"
#include "alg/call/binding_planner.h"
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
    Planner(const Policy& policy, const Limits& limits, PinholeTable& pinholes, BindingTable& bindings)
        : policy_(policy),
          limits_(limits),
          pinholes_(pinholes),
          bindings_(bindings),
          binding_planner_(policy, limits, bindings) {}

    /// Brings the call's pinholes in line with its state. reason: why whatever is not needed any more closes. asked:
    /// the packet that led to it, for the report if a limit refuses.
    void apply(Call& call, CloseReason reason, TimePoint now, const FlowTuple& asked, Plan& plan);

    /// The same, but closes only: for what time ends. A pinhole that has died of silence is not needed anew because a
    /// timer went off.
    void withdraw(Call& call, CloseReason reason, TimePoint now, Plan& plan);

    /// Whether the policy blocks one of those that the call has something open for.
    [[nodiscard]] bool concerns_blocked(const Call& call);

    /// What the last planning has cost: see kSteps.
    [[nodiscard]] std::size_t steps_taken() const { return steps_taken_; }

    /// A pinhole died of silence, or with its connection: takes it from every call that had it.
    void expired(const PinholeKey& key, CallTable& calls, Plan& plan);

   private:
    struct Wanted {
        OpenPinhole pinhole;
        IpAddress behind;  ///< see Description::behind
        bool remote_is_private = false;
        bool is_open = false;  ///< already
    };
    void close_unwanted(Call& call, CloseReason reason, TimePoint now, Plan& plan);
    void collect(const Call& call);
    void note_hosts(const Call& call);
    [[nodiscard]] bool take_step();
    void collect_dialog(const Call& call, const Dialog& dialog);
    void collect_fixed(const FixedHost& fixed, TimePoint until);
    void collect_agent(const Call& call, const Dialog& dialog, const Agent& agent);
    void collect_pair(const OfferAnswer::PairView& pair, bool anywhere);
    [[nodiscard]] StreamPorts permitted_ports(const Stream& local, bool rtcp_mux_agreed) const;
    void collect_stream(const Stream& local, const StreamPorts& ports, const Stream* remote,
                        const OfferAnswer::PairView& pair);
    [[nodiscard]] bool pin(const Stream& remote, const StreamPort& port, const Description& remote_side,
                           Wanted& wanted);
    [[nodiscard]] bool is_unreachable(const IpAddress& address, const Description& remote_side) const;
    [[nodiscard]] bool has_reachable_candidate(const Stream& remote, const Description& remote_side);
    [[nodiscard]] Wanted* find_wanted(const PinholeKey& key);
    void want(const Wanted& wanted);
    void open(Call& call, const Wanted& wanted, TimePoint now, const FlowTuple& asked, Plan& plan);
    [[nodiscard]] bool is_hidden(const Wanted& wanted) const;
    [[nodiscard]] bool leads_elsewhere(const Wanted& wanted, const PinholeTable::Pinhole* known) const;
    void unclaim(const PinholeKey& key, const std::optional<Endpoint>& outside);
    [[nodiscard]] bool is_blocked(const Dialog& dialog) const;
    void leave_out_blocked();
    static void refuse(const Call& call, RefuseReason reason, std::uint16_t port, const FlowTuple& asked, Plan& plan);
    void refuse_taken(const Call& call, const PinholeKey& key, const Endpoint& outside, const FlowTuple& asked,
                      Plan& plan) const;
    void close(Call& call, const OpenPinhole& pinhole, CloseReason reason, Plan& plan);
    void keep(Call& call, OpenPinhole& pinhole, const Wanted& wanted, const PinholeTable::Pinhole* known, TimePoint now,
              Plan& plan);
    void seed(const OpenPinhole& pinhole, Plan& plan) const;

    const Policy& policy_;
    const Limits& limits_;
    PinholeTable& pinholes_;
    BindingTable& bindings_;
    BindingPlanner binding_planner_;
    bool blocked_ = false;   ///< something was wanted for a host that the operator has blocked
    bool left_out_ = false;  ///< more was wanted than Limits::pinholes_per_call, or it took too many steps
    std::size_t steps_taken_ = 0;
    std::vector<Wanted> wanted_;                      ///< of the call at hand; kept for its memory
    HashIndex wanted_index_;                          ///< likewise: where a key stands in it
    std::vector<std::pair<IpAddress, Party>> hosts_;  ///< likewise: see note_hosts()
    Party peer_ = Party::callee;                      ///< whom the agent at hand speaks to
};

}  // namespace messenger::alg
