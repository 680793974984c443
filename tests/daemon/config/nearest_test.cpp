// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/nearest.h"

#include <array>

#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

TEST(Nearest, CountsInsertionsRemovalsReplacementsAndSwaps) {
    EXPECT_EQ(edit_distance("", ""), 0U);
    EXPECT_EQ(edit_distance("ports", "ports"), 0U);
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("abc", ""), 3U);
    EXPECT_EQ(edit_distance("port", "ports"), 1U);
    EXPECT_EQ(edit_distance("parts", "ports"), 1U);
    EXPECT_EQ(edit_distance("prots", "posts"), 2U);
    EXPECT_EQ(edit_distance("prots", "ports"), 1U);
}

TEST(Nearest, FindsTheSlipButNotTheStranger) {
    constexpr std::array<std::string_view, 3> kNames = {"inside", "inside_interfaces", "relays"};
    EXPECT_EQ(find_nearest("insdie", kNames), "inside");
    EXPECT_EQ(find_nearest("interfaces", kNames), "inside_interfaces");
    EXPECT_EQ(find_nearest("relay", kNames), "relays");
    EXPECT_EQ(find_nearest("bandwidth", kNames), "");
    EXPECT_EQ(find_nearest("", kNames), "");
}

}  // namespace
}  // namespace messenger::daemon
