// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/doctor/daemon_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = nft::SchemaState::Kind;

TEST(JudgeTable, AdvisesNoRestartWhereTheDaemonAloneKnowsWhatWasOpen) {
    const auto missing = judge_table({Kind::missing, {}}, true);
    ASSERT_TRUE(missing);
    EXPECT_EQ(missing->name, "table_missing");
    EXPECT_THAT(missing->to_do, Not(Contains(HasSubstr("restart"))));
    EXPECT_FALSE(judge_table({Kind::missing, {}}, false)) << "that it does not run has been told";
}

TEST(JudgeTable, AdvisesARestartWhereTheTableIsAnotherOne) {
    const auto other = judge_table({Kind::damaged, "chain media has 3 rules instead of 7"}, true);
    ASSERT_TRUE(other);
    EXPECT_EQ(other->name, "table_differs");
    EXPECT_THAT(other->what, HasSubstr("3 rules instead of 7"));
    EXPECT_THAT(other->to_do, Contains(HasSubstr("restart messenger-alg")));
    EXPECT_FALSE(judge_table({Kind::intact, {}}, true));
}

}  // namespace
}  // namespace messenger::daemon
