// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/call_table.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using testing::address;

TimePoint at(int seconds) {
    return TimePoint{} + std::chrono::seconds(seconds);
}

struct Table {
    Limits limits;
    CallTable table{limits, HashKey{1, 2}};

    Call* add(const char* id, const char* host = "10.1.2.3") {
        return table.add(make_call_key(id), id, address(host), std::nullopt, at(0));
    }
    void end_at(Call& call, int seconds) {
        if (call.dialogs.empty()) call.dialogs.emplace_back();
        call.dialogs[0].deadline = at(seconds);
        table.schedule(call);
    }
};

TEST(CallTable, FindsWhatItHas) {
    Table t;
    Call* call = t.add("one");
    ASSERT_NE(call, nullptr);
    EXPECT_EQ(t.table.find(make_call_key("one")), call);
    EXPECT_EQ(t.table.find(make_call_key("two")), nullptr);
    EXPECT_EQ(call->id(), "one");
}

TEST(CallTable, KeepsOnlyTheBeginningOfALongCallId) {
    Table t;
    const std::string id(500, 'x');
    EXPECT_EQ(t.add(id.c_str())->id().size(), kCallIdShown);
}

TEST(CallTable, HoldsItsLimits) {
    Table t;
    t.limits.calls = 3;
    t.limits.calls_per_host = 2;
    EXPECT_NE(t.add("1"), nullptr);
    EXPECT_NE(t.add("2"), nullptr);
    EXPECT_EQ(t.add("3"), nullptr);
    EXPECT_NE(t.add("3", "10.1.2.4"), nullptr);
    EXPECT_EQ(t.add("4", "10.1.2.5"), nullptr);
    t.table.erase(make_call_key("1"));
    EXPECT_NE(t.add("4"), nullptr);
    (void)t.table.restore(make_call_key("5"), "5", address("10.1.2.3"), at(0));
    EXPECT_EQ(t.table.size(), 4U) << "what exists is taken over";
}

TEST(CallTable, KeepsTheTextOfAnErasedCallUntilItIsReleased) {
    Table t;
    const std::string_view id = t.add("a Call-ID that is long enough to lie on the heap, behind small buffers")->id();
    t.table.erase(make_call_key(id));
    EXPECT_EQ(id.substr(0, 9), "a Call-ID");
    t.table.release();
    EXPECT_EQ(t.table.size(), 0U);
}

TEST(CallTable, LooksAtACallWhenItsEarliestDialogEnds) {
    Table t;
    Call& call = *t.add("one");
    t.end_at(call, 100);
    t.end_at(call, 50);
    EXPECT_EQ(t.table.next_deadline(), at(50));
    EXPECT_EQ(t.table.pop_due(at(49)), nullptr);
    EXPECT_EQ(t.table.pop_due(at(50)), &call);
    EXPECT_EQ(t.table.pop_due(at(99)), nullptr);
}

TEST(CallTable, LooksAgainWhenTheDeadlineHasMoved) {
    Table t;
    Call& call = *t.add("one");
    t.end_at(call, 50);
    t.end_at(call, 200);
    EXPECT_EQ(t.table.pop_due(at(50)), &call) << "too early, which costs nothing";
    t.table.schedule(call);
    EXPECT_EQ(t.table.pop_due(at(199)), nullptr);
    EXPECT_EQ(t.table.pop_due(at(200)), &call);
}

TEST(CallTable, LabelsACallWithTheDialogThatGoesOn) {
    Table t;
    Call& call = *t.add("one");
    for (const auto state : {Dialog::State::inviting, Dialog::State::early, Dialog::State::confirmed}) {
        Dialog& dialog = call.dialogs.emplace_back();
        dialog.state = state;
        dialog.caller_tag = 1;
        dialog.callee_tag = static_cast<Tag>(state);
    }
    EXPECT_EQ(call.label().dialog, dialog_key(1, static_cast<Tag>(Dialog::State::confirmed)));
    EXPECT_TRUE(call.alive());
    for (Dialog& dialog : call.dialogs) dialog.state = Dialog::State::ended;
    EXPECT_FALSE(call.alive());
}

}  // namespace
}  // namespace messenger::alg
