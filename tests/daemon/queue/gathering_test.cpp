// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/queue/gathering.h"

#include <chrono>
#include <cstddef>

#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kLongest = milliseconds(5);

/// Batches of so many packets, each so long after the one before.
class Rush {
   public:
    explicit Rush(alg::Duration longest = kLongest) : gathering_(longest) {}

    alg::Duration go_on(alg::Duration between, std::size_t packets, std::size_t changes, alg::Duration how_long) {
        for (const alg::TimePoint end = now_ + how_long; now_ < end;) {
            now_ += between;
            gathering_.add(now_, packets, changes);
        }
        EXPECT_EQ(gathering_.next(), now_ + gathering_.interval());
        return gathering_.interval();
    }

   private:
    Gathering gathering_;
    alg::TimePoint now_ = alg::TimePoint(seconds(1000));
};

TEST(Gathering, LetsNoPacketWaitWhileFewCome) {
    EXPECT_EQ(Rush().go_on(seconds(1), 1, 1, seconds(10)), alg::Duration::zero()) << "a call";
    EXPECT_EQ(Rush().go_on(microseconds(100), 1, 0, seconds(1)), alg::Duration::zero()) << "10,000 messages a second";
    EXPECT_EQ(Rush().go_on(milliseconds(2), 1, 1, seconds(1)), alg::Duration::zero()) << "500 changes a second";
}

TEST(Gathering, WaitsForEightMessagesButNotLong) {
    EXPECT_EQ(Rush().go_on(microseconds(50), 1, 0, seconds(1)), microseconds(250)) << "five are to be expected";
    EXPECT_EQ(Rush().go_on(microseconds(250), 5, 0, seconds(1)), microseconds(250)) << "however they are read";
    EXPECT_EQ(Rush().go_on(microseconds(10), 1, 0, seconds(1)), microseconds(80));
}

TEST(Gathering, WaitsForSixteenChangesAsLongAsTheOperatorAllows) {
    EXPECT_EQ(Rush().go_on(milliseconds(1), 3, 1, seconds(1)), kLongest) << "1000 changes a second";
    EXPECT_EQ(Rush().go_on(microseconds(125), 1, 1, seconds(1)), milliseconds(2));
    EXPECT_EQ(Rush(milliseconds(20)).go_on(milliseconds(1), 1, 1, seconds(1)), milliseconds(16));
}

TEST(Gathering, SeesARushBeginAndEnd) {
    Rush rush;
    EXPECT_EQ(rush.go_on(milliseconds(100), 1, 1, seconds(1)), alg::Duration::zero());
    EXPECT_NE(rush.go_on(microseconds(50), 1, 0, milliseconds(41)), alg::Duration::zero());
    EXPECT_EQ(rush.go_on(seconds(1), 1, 1, seconds(1)), alg::Duration::zero()) << "with the first packet after a pause";
}

TEST(Gathering, LetsNoPacketWaitIfTheOperatorSaysSo) {
    EXPECT_EQ(Rush(alg::Duration::zero()).go_on(microseconds(10), 64, 64, seconds(1)), alg::Duration::zero());
    EXPECT_EQ(Rush(milliseconds(1)).go_on(milliseconds(1), 3, 1, seconds(1)), alg::Duration::zero())
        << "nor if too few come in the time that is allowed";
}

}  // namespace
}  // namespace messenger::daemon
