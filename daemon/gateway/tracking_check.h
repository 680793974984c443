// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "alg/base/time.h"
#include "alg/net/tuple.h"
#include "nft/conntrack.h"

namespace messenger::daemon {

/// Whether conntrack has the entries that we look for and make. It has not where the flows of this gateway are in a
/// zone of conntrack (we ask for the default one), or are exempt from it; then nothing that we make there takes effect.
class TrackingCheck {
   public:
    /// Borrowed; outlives this object.
    explicit TrackingCheck(nft::Conntrack& conntrack) : conntrack_(conntrack) {}

    /// A packet of a flow that has been answered is at hand. Asks the kernel, but not often.
    void look(const alg::FlowTuple& flow, alg::TimePoint now);
    /// This connection, whose bytes are at hand, has no entry.
    void note(const alg::FlowTuple& connection);

    /// Flows that were found to have none.
    [[nodiscard]] std::uint64_t count() const { return count_; }
    /// The last one that the operator has to be told of.
    [[nodiscard]] std::optional<alg::FlowTuple> take() { return std::exchange(untracked_, std::nullopt); }

   private:
    nft::Conntrack& conntrack_;
    std::uint64_t count_ = 0;
    unsigned in_a_row_ = 0;
    alg::TimePoint next_look_;
    std::optional<alg::FlowTuple> untracked_;
};

}  // namespace messenger::daemon
