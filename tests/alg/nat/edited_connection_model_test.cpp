// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "tests/alg/nat/edited_connection_simulation.h"

namespace messenger::alg {
namespace {

using model::Case;
using model::Simulation;

constexpr unsigned kCases = 500;

struct Count {
    std::size_t given_up = 0;
    std::size_t cut = 0;
    std::size_t acknowledged_early = 0;
};

Count run_all(const Case& what) {
    Count count;

    for (unsigned seed = 1; seed <= kCases; ++seed) {
        SCOPED_TRACE(seed);
        Simulation simulation(what, seed);
        simulation.run();
        if (::testing::Test::HasFailure()) break;
        count.given_up += simulation.gave_up() ? 1U : 0U;
        count.cut += simulation.cut_tails();
        count.acknowledged_early += simulation.acknowledged_early() ? 1U : 0U;
    }
    return count;
}

TEST(EditedConnectionModel, ReceiversGetExactlyTheEditedStreams) {
    const Count count = run_all({});
    EXPECT_EQ(count.given_up, 0U);
    EXPECT_EQ(count.cut, 0U);
}

TEST(EditedConnectionModel, EditedStreamsSurviveRestarts) {
    EXPECT_EQ(run_all({.restarts = true}).given_up, 0U);
}

TEST(EditedConnectionModel, NoSegmentOutgrowsItsReceiver) {
    const Count count = run_all({.mss = 45});
    EXPECT_GT(count.cut, kCases / 10);
}

TEST(EditedConnectionModel, StreamsThatAreGivenUpKeepTheirEdits) {
    const Count count = run_all({.limits = {.held_bytes = 1000, .held_segments = 3}});
    EXPECT_GT(count.given_up, kCases / 10);
    EXPECT_LT(count.given_up, kCases);
}

TEST(EditedConnectionModel, SendersOfRfc896AreNotStuck) {
    const Count count = run_all({.classic_segment = 16});
    EXPECT_EQ(count.given_up, 0U);
    EXPECT_GT(count.acknowledged_early, kCases / 2);
}

TEST(EditedConnectionModel, SendersOfRfc896SurviveRestarts) {
    EXPECT_GT(run_all({.restarts = true, .classic_segment = 16}).acknowledged_early, kCases / 2);
}

TEST(EditedConnectionModel, SendersOfRfc896GetThroughWhenSegmentsOutgrowTheirReceiver) {
    EXPECT_GT(run_all({.mss = 45, .classic_segment = 32}).acknowledged_early, kCases / 2);
}

TEST(EditedConnectionModel, WhatWasAcknowledgedEarlyArrivesAlsoWhenStreamsAreGivenUp) {
    const Count count = run_all({.limits = {.held_bytes = 1000, .held_segments = 2}, .classic_segment = 16});
    EXPECT_GT(count.given_up, kCases / 10);
    EXPECT_GT(count.acknowledged_early, kCases / 10);
}

}  // namespace
}  // namespace messenger::alg
