// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/queue/gathering.h"

#include <algorithm>
#include <chrono>

namespace messenger::daemon {

namespace {

/// Short enough to see a rush begin and end.
constexpr auto kCounted = std::chrono::milliseconds(20);
/// Together they save some ten microseconds each: not worth more.
constexpr auto kLongestForPackets = std::chrono::microseconds(250);

constexpr alg::Duration::rep kFewest = 4;
// Where more come, there is little left to save for each of them.
constexpr alg::Duration::rep kEnoughPackets = 8;
constexpr alg::Duration::rep kEnoughChanges = 16;

/// Until so many are there, if they go on coming as they did.
[[nodiscard]] alg::Duration time_for(alg::Duration::rep enough, std::size_t seen, alg::Duration counted,
                                     alg::Duration longest) {
    const auto count = static_cast<alg::Duration::rep>(seen);
    if (count * longest < kFewest * counted) return {};
    return std::min(longest, enough * counted / count);
}

}  // namespace

void Gathering::add(alg::TimePoint begun, std::size_t packets, std::size_t changes) {
    begun_ = begun;
    packets_ += packets;
    changes_ += changes;
    const alg::Duration counted = begun - counted_from_;
    if (counted < kCounted) return;
    const auto longest_for_packets = std::min<alg::Duration>(kLongestForPackets, longest_);
    interval_ = std::max(time_for(kEnoughPackets, packets_, counted, longest_for_packets),
                         time_for(kEnoughChanges, changes_, counted, longest_));
    counted_from_ = begun;
    packets_ = 0;
    changes_ = 0;
}

}  // namespace messenger::daemon
