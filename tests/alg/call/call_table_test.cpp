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

TEST(CallTable, KeepsACallAtRest) {
    Table t;
    const std::uint64_t key = make_call_key("one");
    for (int i = 1; i <= 5; ++i) t.add(("other " + std::to_string(i)).c_str());
    Call& added = *t.add("one");
    added.last_message = at(7);
    added.dialogs.emplace_back().caller_tag = 5;
    t.table.release();
    const CallTable& table = t.table;
    const Call* read = table.find(key);
    EXPECT_EQ(read->key, key);
    EXPECT_EQ(read->id(), "one");
    EXPECT_EQ(read->last_message, at(7));
    EXPECT_EQ(read->dialogs[0].caller_tag, 5U);
    Call* call = t.table.find(key);
    EXPECT_EQ(t.table.find(key), call) << "one call lies in one place";
    call->dialogs[0].caller_tag = 6;
    EXPECT_EQ(table.find(key)->dialogs[0].caller_tag, 6U) << "who reads sees what is being done";
    t.table.settle();
    EXPECT_EQ(table.find(key)->dialogs[0].caller_tag, 6U);
    EXPECT_EQ(table.find(make_call_key("other 5"))->id(), "other 5");
    EXPECT_EQ(t.table.label_of(key)->call_id, "one");
    EXPECT_FALSE(t.table.label_of(1));
}

TEST(CallTable, TakesBackACallThatEndsInTheMiddleOfOthers) {
    Table t;
    for (const char* id : {"1", "2", "3"}) t.add(id)->sessions = 7;
    t.table.erase(make_call_key("2"));
    t.table.settle();
    EXPECT_EQ(t.table.find(make_call_key("2")), nullptr);
    for (const char* id : {"1", "3"}) {
        EXPECT_EQ(t.table.find(make_call_key(id))->sessions, 7U);
        EXPECT_EQ(t.table.find(make_call_key(id))->id(), id);
    }
    Call& fresh = *t.add("2");
    EXPECT_EQ(fresh.sessions, 0U) << "nothing of the one before";
    EXPECT_TRUE(fresh.dialogs.empty());
}

TEST(CallTable, ShowsEveryCallWhileOthersAreLookedFor) {
    Table t;
    for (const char* id : {"1", "2", "3"}) t.add(id);
    t.table.settle();
    const CallTable& table = t.table;
    (void)t.table.find(make_call_key("2"));
    std::size_t seen = 0;
    for (const auto& [key, call] : table.all()) {
        for (const char* id : {"1", "2", "3"}) ASSERT_NE(table.find(make_call_key(id)), nullptr);
        EXPECT_EQ(make_call_key(call.id()), key);
        ++seen;
    }
    EXPECT_EQ(seen, 3U);
    t.table.each([](Call& call) { call.sessions = 9; });
    for (const auto& [key, call] : table.all()) EXPECT_EQ(call.sessions, 9U);
}

TEST(CallTable, LaysDownMoreCallsThanItKeepsPlacesFor) {
    Table t;
    constexpr int kCalls = 300;
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < kCalls; ++i) {
            const std::string id = "call " + std::to_string(i);
            Call* call = round == 0 ? t.add(id.c_str()) : t.table.find(make_call_key(id));
            ASSERT_NE(call, nullptr);
            EXPECT_EQ(call->sessions, static_cast<std::uint32_t>(round * i));
            call->sessions = static_cast<std::uint32_t>(i);
        }
        t.table.release();
    }
}

TEST(CallTable, CountsStrangersWhoseCallsAreAtRest) {
    Table t;
    t.limits.calls_per_peer = 1;
    const auto stranger = address("198.51.100.20");
    const auto add = [&](const char* id) {
        Call* call = t.table.add(make_call_key(id), id, address("10.1.2.3"), stranger, at(0));
        const bool added = call != nullptr;
        t.table.release();
        return added;
    };
    EXPECT_TRUE(add("1"));
    EXPECT_FALSE(add("2"));
    t.table.set_invited(*t.table.find(make_call_key("1")));
    t.table.release();
    EXPECT_TRUE(add("2"));
    EXPECT_FALSE(add("3"));
    t.table.erase(make_call_key("2"));
    EXPECT_TRUE(add("3"));
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

TEST(CallTable, LeavesACallAloneWhoseDeadlineHasMoved) {
    Table t;
    Call& call = *t.add("one");
    t.end_at(call, 50);
    t.end_at(call, 200);
    EXPECT_EQ(t.table.next_deadline(), at(50)) << "which is queued";
    EXPECT_EQ(t.table.pop_due(at(50)), nullptr);
    EXPECT_EQ(t.table.next_deadline(), at(200));
    t.end_at(call, 100);
    EXPECT_EQ(t.table.pop_due(at(99)), nullptr);
    EXPECT_EQ(t.table.pop_due(at(100)), &call);
    t.end_at(call, 200);
    EXPECT_EQ(t.table.pop_due(at(199)), nullptr);
    EXPECT_EQ(t.table.pop_due(at(200)), &call);
}

TEST(CallTable, LeavesNoDeadlineToTheNextCallInItsPlace) {
    for (const int next_end : {20, 50, 70}) {
        Table t;
        t.end_at(*t.add("one"), 50);
        const std::uint32_t place = t.table.find(make_call_key("one"))->number;
        t.table.erase(make_call_key("one"));
        t.table.release();
        EXPECT_EQ(t.table.pop_due(at(0)), nullptr);
        Call& next = *t.add("two");
        ASSERT_EQ(next.number, place);
        t.end_at(next, next_end);
        t.table.release();
        EXPECT_EQ(t.table.pop_due(at(next_end - 1)), nullptr);
        const Call* due = t.table.pop_due(at(next_end));
        ASSERT_NE(due, nullptr);
        EXPECT_EQ(due->id(), "two");
        EXPECT_EQ(t.table.pop_due(at(1000)), nullptr);
        EXPECT_FALSE(t.table.next_deadline());
    }
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
