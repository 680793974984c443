// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/journal/one_way.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

using namespace std::chrono_literals;

/// A stream that is looked at once a second.
class OneWayTest : public testing::Test {
   protected:
    /// in, out: whether packets came since the last look.
    OneWayChange look(bool in, bool out) {
        now_ += 1s;
        if (in) state_.last_in = now_;
        if (out) state_.last_out = now_;
        const OneWayChange change = follow(state_, now_, 5s);
        if (change == OneWayChange::began) state_.reported = OneWay{state_.silent, {}, *state_.alone_since};
        return change;
    }
    /// How many looks until it begins; 0 if it does not in so many.
    int looks_until_begun(bool in, bool out, int most) {
        for (int i = 1; i <= most; ++i) {
            if (look(in, out) == OneWayChange::began) return i;
        }
        return 0;
    }
    [[nodiscard]] const OneWayState& state() const { return state_; }

   private:
    OneWayState state_;
    alg::TimePoint now_{100s};
};

TEST_F(OneWayTest, BeginsWhenOneSideHasBeenAloneForLongEnough) {
    EXPECT_EQ(looks_until_begun(false, true, 10), 6);
    EXPECT_EQ(state().silent, SilentSide::peer);
    EXPECT_EQ(look(false, true), OneWayChange::none) << "it is reported once";
}

TEST_F(OneWayTest, CountsFromTheOthersLastPacket) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(look(true, true), OneWayChange::none);
    EXPECT_EQ(looks_until_begun(true, false, 10), 5);
    EXPECT_EQ(state().silent, SilentSide::inside);
}

TEST_F(OneWayTest, IsNothingWhenBothAreSilentOrBothSpeak) {
    EXPECT_EQ(looks_until_begun(false, false, 20), 0);
    EXPECT_EQ(looks_until_begun(true, true, 20), 0);
    EXPECT_EQ(looks_until_begun(false, false, 20), 0);
}

TEST_F(OneWayTest, ForgivesPauses) {
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(look(true, true), OneWayChange::none);
        EXPECT_EQ(looks_until_begun(true, false, 3), 0);
    }
}

TEST_F(OneWayTest, EndsWhenTheOtherIsHeard) {
    EXPECT_EQ(looks_until_begun(false, true, 10), 6);
    EXPECT_EQ(look(true, true), OneWayChange::ended);
    EXPECT_FALSE(state().reported);
    EXPECT_EQ(look(true, true), OneWayChange::none);
}

TEST_F(OneWayTest, EndsWhenTheCallFallsSilentAltogether) {
    EXPECT_EQ(looks_until_begun(false, true, 10), 6);
    EXPECT_EQ(look(false, false), OneWayChange::none) << "a pause";
    EXPECT_EQ(look(false, false), OneWayChange::none);
    EXPECT_EQ(look(false, false), OneWayChange::ended);
}

TEST_F(OneWayTest, BeginsAnewWhenTheSidesChange) {
    EXPECT_EQ(looks_until_begun(false, true, 10), 6);
    EXPECT_EQ(look(true, false), OneWayChange::ended) << "for a moment both flow";
    EXPECT_GT(looks_until_begun(true, false, 10), 0);
    EXPECT_EQ(state().silent, SilentSide::inside);
}

TEST(OneWayNames, AreToldApart) {
    for (const SilentSide side : {SilentSide::inside, SilentSide::peer}) {
        for (const SilenceCause cause : {SilenceCause::nothing_sent, SilenceCause::muted, SilenceCause::went_silent,
                                         SilenceCause::private_address, SilenceCause::firewall}) {
            EXPECT_FALSE(std::string(describe(side, cause)).empty());
            EXPECT_FALSE(std::string(name(cause)).empty());
        }
        EXPECT_NE(describe(side, SilenceCause::muted), describe(side, SilenceCause::went_silent));
    }
    EXPECT_NE(describe(SilentSide::inside, SilenceCause::muted), describe(SilentSide::peer, SilenceCause::muted));
}

}  // namespace
}  // namespace messenger::daemon
