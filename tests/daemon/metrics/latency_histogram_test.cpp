// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/metrics/latency_histogram.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

using namespace std::chrono_literals;

TEST(LatencyHistogram, PutsEachTimeIntoTheFirstBucketThatHoldsIt) {
    LatencyHistogram histogram;
    histogram.add(0s);
    histogram.add(10us);
    histogram.add(10us + 1ns);
    histogram.add(1s);
    histogram.add(1s + 1ns);
    histogram.add(1h);
    EXPECT_EQ(histogram.counts().front(), 2U);
    EXPECT_EQ(histogram.counts().at(1), 1U);
    EXPECT_EQ(histogram.counts().at(LatencyHistogram::kBounds.size() - 1), 1U);
    EXPECT_EQ(histogram.counts().back(), 2U);
}

TEST(LatencyHistogram, CountsSeveralAtOnce) {
    LatencyHistogram histogram;
    histogram.add(20us, 64);
    EXPECT_EQ(std::accumulate(histogram.counts().begin(), histogram.counts().end(), std::uint64_t{0}), 64U);
    EXPECT_EQ(histogram.sum(), alg::Duration(64 * 20us));
}

TEST(LatencyHistogram, HasRisingBounds) {
    EXPECT_TRUE(std::is_sorted(LatencyHistogram::kBounds.begin(), LatencyHistogram::kBounds.end()));
}

}  // namespace
}  // namespace messenger::daemon
