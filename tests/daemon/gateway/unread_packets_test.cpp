// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/unread_packets.h"

#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

TEST(UnreadCount, IsWhatWasHandedOnAndNotRead) {
    UnreadCount count;
    count.begin(1000, 10);
    EXPECT_EQ(count.look(1005, 15), 0U);
    EXPECT_EQ(count.look(1025, 30), 5U);
    EXPECT_EQ(count.look(1025, 30), 5U);
}

TEST(UnreadCount, IsNotMadeSmallerByPacketsThatWereReadInSeveralParts) {
    UnreadCount count;
    count.begin(0, 0);
    EXPECT_EQ(count.look(10, 300), 0U) << "joined on their way in, parted before they came to us";
    EXPECT_EQ(count.look(60, 310), 40U);
}

TEST(UnreadCount, GoesOnWithAnotherTable) {
    UnreadCount count;
    count.begin(100, 0);
    EXPECT_EQ(count.look(110, 4), 6U);
    EXPECT_EQ(count.look(3, 7), 6U) << "somebody has made it anew";
    EXPECT_EQ(count.look(8, 10), 8U);
}

}  // namespace
}  // namespace messenger::daemon
