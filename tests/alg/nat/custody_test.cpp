// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/custody.h"

#include <gtest/gtest.h>

namespace messenger::alg {
namespace {

// Across the end of the numbers: 10 bytes from 0xfffffffb to 5.
Custody around_zero() {
    Custody custody;
    custody.take(0xfffffffbU, "01234");
    custody.take(0, "56789");
    return custody;
}

TEST(Custody, GivesWhatLiesBetween) {
    const Custody custody = around_zero();
    EXPECT_EQ(custody.between(0xfffffffbU, 5), "0123456789");
    EXPECT_EQ(custody.between(0xfffffffdU, 2), "23456");
    EXPECT_EQ(custody.between(3, 100), "89");
    EXPECT_EQ(custody.between(5, 100), "");
    EXPECT_EQ(custody.between(2, 2), "");
    EXPECT_EQ(custody.between(3, 2), "");
    EXPECT_EQ(custody.between(0xfffffffaU, 5), "") << "its sender answers for the first byte";
    EXPECT_EQ(Custody().between(0, 5), "");
}

// As no connection has them, but a damaged file of saved ones may.
TEST(Custody, HasNothingBetweenPositionsThatAreFarFromIt) {
    const Custody custody = around_zero();
    for (const std::uint32_t begin : {0x42000000U, 0x7ffffffaU, 0x80000000U, 0xc0000000U}) {
        for (const std::uint32_t end : {0x10000000U, 0x7fffffffU, 0x90000000U, 0xfffffff0U}) {
            EXPECT_EQ(custody.between(begin, end), "") << begin << ' ' << end;
        }
    }
}

TEST(Custody, IsReleasedFromItsBegin) {
    Custody custody = around_zero();
    custody.release_before(0xfffffffaU);
    EXPECT_EQ(custody.size(), 10U);
    custody.release_before(1);
    EXPECT_EQ(custody.between(1, 5), "6789");
    EXPECT_EQ(custody.behind(1), 5U);
    EXPECT_EQ(custody.behind(0), 0U) << "before it";
    custody.release_before(50);
    EXPECT_TRUE(custody.empty());
    EXPECT_TRUE(custody.taken()) << "once";
}

}  // namespace
}  // namespace messenger::alg
