// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/message_rate.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using messenger::testing::address;

constexpr HashKey kKey{1, 2};

Limits limits(std::uint32_t rate, std::uint32_t burst) {
    Limits limits;
    limits.messages_per_second = rate;
    limits.message_burst = burst;
    return limits;
}

TEST(MessageRate, TakesABurstAndNoMoreThanThat) {
    const Limits two = limits(1, 2);
    MessageRate rate(two, kKey);
    for (const TimePoint now : {TimePoint{}, TimePoint{std::chrono::hours(1)}}) {
        EXPECT_TRUE(rate.take(address("10.1.2.3"), now));
        EXPECT_TRUE(rate.take(address("10.1.2.3"), now));
        EXPECT_FALSE(rate.take(address("10.1.2.3"), now));
    }
}

TEST(MessageRate, FillsUpWithTime) {
    const Limits two = limits(2, 2);
    MessageRate rate(two, kKey);
    TimePoint now{std::chrono::seconds(5)};
    EXPECT_TRUE(rate.take(address("10.1.2.3"), now));
    EXPECT_TRUE(rate.take(address("10.1.2.3"), now));
    now += std::chrono::milliseconds(499);
    EXPECT_FALSE(rate.take(address("10.1.2.3"), now));
    now += std::chrono::milliseconds(2);
    EXPECT_TRUE(rate.take(address("10.1.2.3"), now));
}

TEST(MessageRate, KeepsHostsApart) {
    const Limits one = limits(1, 1);
    MessageRate rate(one, kKey);
    const TimePoint now{std::chrono::seconds(5)};
    EXPECT_TRUE(rate.take(address("10.1.2.3"), now));
    EXPECT_FALSE(rate.take(address("10.1.2.3"), now));
    EXPECT_TRUE(rate.take(address("2001:db8::3"), now));
}

TEST(MessageRate, StartsAnewWhenTimeGoesBack) {
    const Limits one = limits(1, 1);
    MessageRate rate(one, kKey);
    EXPECT_TRUE(rate.take(address("10.1.2.3"), TimePoint{std::chrono::seconds(50)}));
    EXPECT_TRUE(rate.take(address("10.1.2.3"), TimePoint{std::chrono::seconds(5)}));
}

TEST(MessageRate, IsWithoutLimitAtZero) {
    const Limits none = limits(0, 0);
    MessageRate rate(none, kKey);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(rate.take(address("10.1.2.3"), TimePoint{}));
}

}  // namespace
}  // namespace messenger::alg
