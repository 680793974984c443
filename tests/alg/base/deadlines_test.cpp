// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/base/deadlines.h"

#include <gtest/gtest.h>

namespace messenger::alg {
namespace {

TimePoint at(int seconds) {
    return TimePoint{} + std::chrono::seconds(seconds);
}

TEST(Deadlines, HasNothingToDoWhenEmpty) {
    Deadlines<int> deadlines;
    EXPECT_FALSE(deadlines.next());
    EXPECT_FALSE(deadlines.pop_due(at(100)));
    EXPECT_FALSE(deadlines.pop());
}

TEST(Deadlines, GivesWhatIsDueEarliestFirst) {
    Deadlines<int> deadlines;
    for (const int seconds : {5, 1, 3}) deadlines.push(at(seconds), seconds);
    EXPECT_EQ(deadlines.next(), at(1));
    EXPECT_EQ(deadlines.pop_due(at(3)), 1);
    EXPECT_EQ(deadlines.pop_due(at(3)), 3);
    EXPECT_FALSE(deadlines.pop_due(at(3)));
    EXPECT_EQ(deadlines.size(), 1U);
}

TEST(Deadlines, AreDueAtTheirVeryMoment) {
    Deadlines<int> deadlines;
    deadlines.push(at(3), 7);
    EXPECT_FALSE(deadlines.pop_due(at(3) - Duration(1)));
    EXPECT_EQ(deadlines.pop_due(at(3)), 7);
}

TEST(Deadlines, GivesTheEarliestThoughItIsNotDue) {
    Deadlines<int> deadlines;
    deadlines.push(at(9), 9);
    deadlines.push(at(4), 4);
    EXPECT_EQ(deadlines.pop(), 4);
    EXPECT_EQ(deadlines.next(), at(9));
}

}  // namespace
}  // namespace messenger::alg
