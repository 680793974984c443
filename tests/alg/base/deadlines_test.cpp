// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/base/deadlines.h"

#include <gtest/gtest.h>

#include <map>

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

struct Owner {
    TimePoint queued = TimePoint::max();
};

TEST(Deadlines, QueuesAnEarlierLookAndNoLaterOne) {
    Deadlines<int> deadlines;
    std::map<int, Owner> owners{{7, {}}};
    deadlines.queue_earlier(7, at(5), owners[7], owners);
    deadlines.queue_earlier(7, at(5), owners[7], owners);
    deadlines.queue_earlier(7, at(9), owners[7], owners);
    EXPECT_EQ(deadlines.size(), 1U);
    deadlines.queue_earlier(7, at(3), owners[7], owners);
    EXPECT_EQ(deadlines.next(), at(3));
    EXPECT_EQ(owners[7].queued, at(3));
    deadlines.queue(7, at(9), owners[7], owners);
    EXPECT_EQ(owners[7].queued, at(9)) << "its other entries do not count any more";
}

TEST(Deadlines, KeepsNoMoreThanItsOwnersNeed) {
    Deadlines<int> deadlines;
    std::map<int, Owner> owners;
    for (int key = 0; key < 10; ++key) deadlines.queue(key, at(100'000 + key), owners[key], owners);
    owners.erase(9);
    for (int seconds = 90'000; seconds > 0; --seconds) deadlines.queue_earlier(0, at(seconds), owners[0], owners);
    EXPECT_LT(deadlines.size(), 1100U);
    EXPECT_EQ(deadlines.pop_due(at(1)), 0) << "the entry that counts has stayed";
    while (const auto due = deadlines.pop_entry_due(at(100'000 + 9))) {
        if (due->key > 0) {
            EXPECT_EQ(owners.at(due->key).queued, due->when) << "and so have those of the others";
        }
    }
}

}  // namespace
}  // namespace messenger::alg
