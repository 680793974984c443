// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/plan.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace messenger::alg {
namespace {

/// Every value from the first to the last has a name of its own, in the form that JSON and metrics need.
template <class Enum>
void expect_names(Enum last) {
    std::set<std::string_view> names;
    for (unsigned i = 0; i <= static_cast<unsigned>(last); ++i) {
        const std::string_view one = name(static_cast<Enum>(i));
        EXPECT_NE(one, "unknown") << i;
        EXPECT_EQ(one.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string_view::npos) << one;
        EXPECT_TRUE(names.insert(one).second) << one;
    }
}

TEST(Plan, NamesEveryValueOnce) {
    expect_names(MediaKind::other);
    expect_names(PortRole::t120);
    expect_names(CloseReason::blocked);
    expect_names(RefuseReason::not_understood);
    expect_names(OpaqueReason::held_too_long);
}

TEST(Plan, SaysEveryReasonToPeople) {
    std::set<std::string_view> sentences;
    for (unsigned i = 0; i <= static_cast<unsigned>(RefuseReason::not_understood); ++i) {
        EXPECT_TRUE(sentences.insert(describe(static_cast<RefuseReason>(i))).second) << i;
    }
    for (unsigned i = 0; i <= static_cast<unsigned>(OpaqueReason::held_too_long); ++i) {
        EXPECT_TRUE(sentences.insert(describe(static_cast<OpaqueReason>(i))).second) << i;
    }
    EXPECT_EQ(sentences.count("unknown"), 0U);
}

TEST(Plan, IsEmptyAfterClear) {
    Plan plan;
    plan.verdict = Verdict::drop;
    plan.flow_mark = FlowMark::sip;
    plan.changes.emplace_back();
    plan.seeds.emplace_back();
    plan.events.emplace_back(OpaqueEvent{});
    plan.clear();
    EXPECT_EQ(plan.verdict, Verdict::accept);
    EXPECT_EQ(plan.flow_mark, FlowMark::none);
    EXPECT_TRUE(plan.changes.empty() && plan.seeds.empty() && plan.events.empty());
}

}  // namespace
}  // namespace messenger::alg
