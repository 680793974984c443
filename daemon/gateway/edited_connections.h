// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "alg/base/time.h"
#include "alg/net/tuple.h"
#include "nft/conntrack.h"

namespace messenger::daemon {

/// Keeps conntrack from forgetting TCP connections whose bytes we change. What one end acknowledges there differs by
/// our edits from what the other has sent, so to conntrack data waits for its acknowledgement for ever, and the entry
/// of such a connection lasts for minutes of silence (nf_conntrack_tcp_timeout_unacknowledged) instead of days. Each
/// packet makes that so again; so whoever has had packets is given an established connection's time, some moments
/// later.
class EditedConnections {
   public:
    struct Times {
        std::chrono::seconds established{432'000};         ///< what the entry of a connection that is silent shall have
        alg::Duration interval = std::chrono::minutes(1);  ///< well below what conntrack gives it by itself
    };

    /// conntrack: borrowed, outlives this object.
    EditedConnections(nft::Conntrack& conntrack, const Times& times) : conntrack_(conntrack), times_(times) {}

    /// A packet of such a connection has passed conntrack.
    void note(const alg::FlowTuple& connection, alg::TimePoint now);
    /// Absent while nobody waits for it.
    [[nodiscard]] std::optional<alg::TimePoint> next_renewal() const { return next_; }
    /// Some of those that are due; when there are more, the next renewal is at once. After an error they are due again.
    [[nodiscard]] nft::Expected<void> renew(alg::TimePoint now);

   private:
    nft::Conntrack& conntrack_;
    Times times_;
    std::optional<alg::TimePoint> next_;
    std::set<alg::FlowTuple> noted_;   ///< one direction of each
    std::vector<alg::FlowTuple> due_;  ///< noted in the interval before
    std::vector<nft::FlowTuple> some_;
};

/// As this network namespace is set up; what cannot be read is as the kernel has it by itself.
[[nodiscard]] EditedConnections::Times read_connection_times();

}  // namespace messenger::daemon
