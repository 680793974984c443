// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "alg/base/hash_index.h"
#include "alg/base/time.h"
#include "alg/call/call_table.h"
#include "alg/limits.h"
#include "alg/nat/binding_table.h"
#include "alg/plan.h"
#include "alg/policy.h"

namespace messenger::alg {

/// NAT: turns the state of a call into bindings, as Planner does with pinholes. An inside host's media port has an
/// outside number from the offer on, which names it, long before a pinhole leads there.
class BindingPlanner {
   public:
    BindingPlanner(const Policy& policy, const Limits& limits, BindingTable& bindings)
        : policy_(policy), limits_(limits), bindings_(bindings) {}

    /// Gets what the call's live descriptions need. Before Planner::apply, which asks for the numbers.
    void acquire(Call& call, const FlowTuple& asked, Plan& plan);
    /// Gives back what they do not need any more. After it.
    void release(Call& call, TimePoint now, Plan& plan);

    /// Whether more ports were wanted than Limits::pinholes_per_call. No pinhole could lead to them.
    [[nodiscard]] bool left_out() const { return left_out_; }

    /// The outside end of a pinhole: of the call's T.120, which keeps its number, or of what is bound. Absent if it is
    /// not behind NAT, or has no number.
    [[nodiscard]] std::optional<Endpoint> outside_of(const PinholeKey& key, PortRole role,
                                                     const IpAddress& behind) const;

   private:
    /// Neighbouring ports of one inside host.
    struct Block {
        BindingKey first;
        std::size_t count = 1;
        PortRange range;
        bool exact = false;  ///< one whose number cannot be another: nothing announces it
    };
    /// Fixed ports that another inside host has, and is not going to give away, or that are reserved: neighbours.
    struct Taken {
        std::uint16_t first = 0;
        std::uint16_t last = 0;
        std::optional<IpAddress> owner;
        RefuseReason reason = RefuseReason::outside_port_taken;
    };

    void collect(const Call& call);
    void acquire_exactly(Call& call, const BindingKey& key, Plan& plan);
    void share(const BindingKey& key, const Call& call, std::size_t told, Plan& plan) const;
    void refuse_taken(Call& call, const FlowTuple& asked, Plan& plan);
    void collect_fixed(const FixedHost& fixed);
    void collect_description(const Description& local);
    void want(const BindingKey& key, PortRange range, bool joins);
    [[nodiscard]] bool wants(const BindingKey& key) const;
    /// False if there are too many.
    [[nodiscard]] bool note(const BindingKey& key);
    [[nodiscard]] bool holds(const Call& call, const Block& block) const;

    const Policy& policy_;
    const Limits& limits_;
    BindingTable& bindings_;
    std::vector<Block> wanted_;            ///< of the call at hand; kept for its memory
    std::vector<BindingKey> wanted_keys_;  ///< likewise: each port of wanted_
    HashIndex wanted_index_;               ///< likewise: where a key stands in wanted_keys_
    bool left_out_ = false;
    std::vector<Taken> taken_;  ///< likewise
};

}  // namespace messenger::alg
