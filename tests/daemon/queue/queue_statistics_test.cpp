// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/queue/queue_statistics.h"

#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

TEST(QueueStatistics, ReadsTheKernelsLines) {
    const auto queues = parse_queue_statistics(
        "  200   2914     3 2 65535     4     5      106  1\n"
        "65535 4294967295     0 2 65535     0     0 4294967295  1\n");
    ASSERT_EQ(queues.size(), 2U);
    EXPECT_EQ(queues[0].queue, 200U);
    EXPECT_EQ(queues[0].waiting, 3U);
    EXPECT_EQ(queues[0].queue_dropped, 4U);
    EXPECT_EQ(queues[0].user_dropped, 5U);
    EXPECT_EQ(queues[1].queue, 65535U);
}

TEST(QueueStatistics, LeavesOutWhatIsNoSuchLine) {
    for (const auto* text :
         {"", "\n", "200", "200 1 2 3 4 5 6 7", "x 1 2 3 4 5 6 7 8", "65536 1 2 3 4 5 6 7 8", "200 1 2 3 -4 5 6 7 8"}) {
        EXPECT_TRUE(parse_queue_statistics(text).empty()) << text;
    }
    EXPECT_EQ(parse_queue_statistics("nonsense\n1 2 3 4 5 6 7 8 9").size(), 1U);
}

}  // namespace
}  // namespace messenger::daemon
