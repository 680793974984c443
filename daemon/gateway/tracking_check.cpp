// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/tracking_check.h"

#include <chrono>

#include "daemon/translate.h"

namespace messenger::daemon {

namespace {

constexpr auto kBetweenLooks = std::chrono::seconds(1);
/// An answer may come from another port than was asked, and is then the first datagram of its flow.
constexpr unsigned kMissesOfDatagrams = 3;

}  // namespace

void TrackingCheck::look(const alg::FlowTuple& flow, alg::TimePoint now) {
    if (now < next_look_) return;
    next_look_ = now + kBetweenLooks;
    const auto found = conntrack_.find(to_nft(flow));
    if (!found) return;
    if (*found) {
        in_a_row_ = 0;
    } else if (flow.transport == alg::Transport::tcp || ++in_a_row_ >= kMissesOfDatagrams) {
        note(flow);
    }
}

void TrackingCheck::note(const alg::FlowTuple& connection) {
    ++count_;
    untracked_ = connection;
}

}  // namespace messenger::daemon
