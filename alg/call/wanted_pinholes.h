// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "alg/base/hash_index.h"
#include "alg/call/call.h"
#include "alg/call/pinhole_table.h"
#include "alg/limits.h"
#include "alg/policy.h"

namespace messenger::alg {

/// The pinholes that a call needs now: what its live dialogs say, and nothing of what is open already. Here stands
/// which of its addresses and ports lead to whom; Planner opens and closes accordingly.
class WantedPinholes {
   public:
    struct Wanted {
        OpenPinhole pinhole;
        IpAddress behind;                ///< see Description::behind
        bool remote_is_private = false;  ///< the peer has named an address that leads nowhere: from anybody, therefore
        bool is_open = false;            ///< already; for Planner
    };

    /// pinholes: says what those from before a restart are for.
    WantedPinholes(const Policy& policy, const Limits& limits, const PinholeTable& pinholes)
        : policy_(policy), limits_(limits), pinholes_(pinholes) {}

    /// In place of what the last call needed. The rest is about this one until the next.
    void collect(const Call& call);

    [[nodiscard]] Wanted* find(const PinholeKey& key);
    /// In the order in which they are opened: the first come first where there is not room for all.
    [[nodiscard]] auto begin() const { return wanted_.begin(); }
    [[nodiscard]] auto end() const { return wanted_.end(); }

    /// Whether more was wanted than Limits::pinholes_per_call, or it took too many steps.
    [[nodiscard]] bool left_out() const { return left_out_; }
    /// Whether something was wanted for a host that the operator has blocked. It is not among the rest.
    [[nodiscard]] bool concerns_blocked() const { return concerns_blocked_; }
    /// What it has cost: see kSteps.
    [[nodiscard]] std::size_t steps_taken() const { return steps_taken_; }

   private:
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
    void note_reachable(const Description& remote_side);
    void want(const Wanted& wanted);
    [[nodiscard]] bool is_blocked(const Dialog& dialog) const;
    void leave_out_blocked();

    const Policy& policy_;
    const Limits& limits_;
    const PinholeTable& pinholes_;
    std::vector<Wanted> wanted_;                      ///< kept for its memory
    HashIndex index_;                                 ///< likewise: where a key stands in it
    std::vector<std::pair<IpAddress, Party>> hosts_;  ///< likewise: see note_hosts()
    std::vector<std::uint8_t> reachable_;             ///< likewise: see note_reachable()
    Party peer_ = Party::callee;                      ///< whom the agent at hand speaks to
    std::size_t steps_taken_ = 0;
    bool left_out_ = false;
    bool concerns_blocked_ = false;
};

}  // namespace messenger::alg
