// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/base/holders.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/support/allocation_count.h"

namespace messenger::alg {
namespace {

using Calls = std::vector<std::uint64_t>;

[[nodiscard]] Calls calls_of(const Holders& holders) {
    return {holders.begin(), holders.end()};
}

TEST(Holders, HoldsEachCallOnceInTheOrderOfTheirComing) {
    Holders holders;
    EXPECT_TRUE(holders.empty());
    for (const std::uint64_t call : {7U, 5U, 7U, 9U, 5U}) holders.add(call);
    EXPECT_EQ(calls_of(holders), (Calls{7, 5, 9}));
    EXPECT_EQ(holders.front(), 7U);
    holders.remove(7);
    holders.remove(8);
    EXPECT_EQ(calls_of(holders), (Calls{5, 9}));
    holders.remove(9);
    holders.remove(9);
    EXPECT_EQ(calls_of(holders), (Calls{5}));
    holders.remove(5);
    EXPECT_TRUE(holders.empty());
}

TEST(Holders, TakeNoHeapForOneCall) {
    const std::size_t before = test::allocation_count();
    Holders holders;
    for (std::uint64_t call = 1; call < 10; ++call) {
        holders.add(call);
        holders.remove(call);
    }
    EXPECT_EQ(test::allocation_count(), before);
}

// A key is a hash, so that each number may be one.
TEST(Holders, HoldWhatAListHolds) {
    Holders holders;
    Calls model;
    std::mt19937 random(1);
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t call = random() % 4;
        if (random() % 2 == 0) {
            holders.add(call);
            if (std::find(model.begin(), model.end(), call) == model.end()) model.push_back(call);
        } else {
            holders.remove(call);
            std::erase(model, call);
        }
        ASSERT_EQ(calls_of(holders), model);
        ASSERT_EQ(holders.empty(), model.empty());
        const auto copy = holders.copy();
        ASSERT_TRUE(std::equal(copy.begin(), copy.end(), model.begin(), model.end()));
    }
}

}  // namespace
}  // namespace messenger::alg
