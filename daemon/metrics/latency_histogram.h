// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "alg/base/time.h"

namespace messenger::daemon {

/// How long something took, in fixed buckets from 10 us to 1 s: a handful of comparisons for each, and no allocation.
class LatencyHistogram {
   public:
    /// The upper bound of each bucket, included; beyond the last one there is one more.
    static constexpr std::array kBounds{
        alg::Duration(std::chrono::microseconds(10)),  alg::Duration(std::chrono::microseconds(25)),
        alg::Duration(std::chrono::microseconds(50)),  alg::Duration(std::chrono::microseconds(100)),
        alg::Duration(std::chrono::microseconds(250)), alg::Duration(std::chrono::microseconds(500)),
        alg::Duration(std::chrono::milliseconds(1)),   alg::Duration(std::chrono::microseconds(2500)),
        alg::Duration(std::chrono::milliseconds(5)),   alg::Duration(std::chrono::milliseconds(10)),
        alg::Duration(std::chrono::milliseconds(100)), alg::Duration(std::chrono::seconds(1))};

    /// times: for several that took as long.
    void add(alg::Duration took, std::uint64_t times = 1) {
        std::size_t bucket = 0;
        while (bucket < kBounds.size() && took > kBounds.at(bucket)) ++bucket;
        counts_.at(bucket) += times;
        sum_ += took * static_cast<std::int64_t>(times);
    }
    /// Of each bucket alone, the one beyond the last bound at the end.
    [[nodiscard]] const auto& counts() const { return counts_; }
    [[nodiscard]] alg::Duration sum() const { return sum_; }

   private:
    std::array<std::uint64_t, kBounds.size() + 1> counts_{};
    alg::Duration sum_{};
};

/// How long packets wait for us.
struct PacketLatencies {
    LatencyHistogram batch;    ///< to decide about the packets of one wake-up, their transaction included
    LatencyHistogram verdict;  ///< of each packet, from when we had it to when its verdict was sent
};

}  // namespace messenger::daemon
