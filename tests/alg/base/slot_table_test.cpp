// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/base/slot_table.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>

#include "tests/support/allocation_count.h"

namespace messenger::alg {
namespace {

/// Many keys in one bucket.
struct CoarseHash {
    std::size_t operator()(int key) const { return static_cast<std::size_t>(key) % 8; }
};
using Table = SlotTable<int, int, CoarseHash>;

TEST(SlotTable, FindsWhatItHas) {
    Table table{CoarseHash{}};
    EXPECT_EQ(table.find(1), table.end());
    const auto [entry, fresh] = table.try_emplace(1);
    EXPECT_TRUE(fresh);
    entry->second = 10;
    EXPECT_FALSE(table.try_emplace(1).second);
    EXPECT_EQ(table.find(1)->second, 10);
    EXPECT_EQ(table.at(entry.id()).first, 1);
    EXPECT_FALSE(table.contains(9)) << "of the same bucket";
}

TEST(SlotTable, UsesThePlaceOfAnErasedEntryAgain) {
    Table table{CoarseHash{}};
    const auto first = table.try_emplace(1).first.id();
    table.erase(first);
    EXPECT_FALSE(table.holds(first));
    EXPECT_TRUE(table.empty());
    EXPECT_EQ(table.try_emplace(2).first.id(), first);
    EXPECT_TRUE(table.holds(first));
    EXPECT_FALSE(table.holds(1000));
}

TEST(SlotTable, LeavesEntriesWhereTheyAre) {
    Table table{CoarseHash{}};
    const auto* first = &*table.try_emplace(0).first;
    for (int i = 1; i < 1000; ++i) table[i] = i;
    EXPECT_EQ(&*table.find(0), first);
}

TEST(SlotTable, DestroysWhatItHolds) {
    const auto held = std::make_shared<int>(1);
    {
        SlotTable<int, std::shared_ptr<int>, CoarseHash> table{CoarseHash{}};
        table[1] = held;
        table[2] = held;
        table.erase(table.find(1));
        EXPECT_EQ(held.use_count(), 2);
    }
    EXPECT_EQ(held.use_count(), 1);
}

TEST(SlotTable, MayLoseTheEntryAtHandWhileItIsVisited) {
    Table table{CoarseHash{}};
    for (int i = 0; i < 200; ++i) table[i] = i;
    std::set<int> seen;
    for (auto at = table.begin(); at != table.end(); ++at) {
        seen.insert(at->first);
        table.erase(at);
    }
    EXPECT_EQ(seen.size(), 200U);
    EXPECT_EQ(table.begin(), table.end());
}

TEST(SlotTable, TakesNoHeapOnceItHasBeenAsFull) {
    Table table{CoarseHash{}};
    const auto fill = [&table] {
        for (int i = 0; i < 500; ++i) table[i] = i;
        for (int i = 0; i < 500; ++i) table.erase(table.find(i));
    };
    fill();
    const std::size_t before = test::allocation_count();
    fill();
    EXPECT_EQ(test::allocation_count(), before);
}

TEST(SlotTable, HoldsWhatAMapHolds) {
    Table table{CoarseHash{}};
    std::map<int, int> model;
    std::mt19937 random(1);
    for (int i = 0; i < 20'000; ++i) {
        const int key = static_cast<int>(random() % 300);
        if (random() % 2 == 0) {
            table[key] = i;
            model[key] = i;
        } else if (const auto found = table.find(key); found != table.end()) {
            table.erase(found);
            model.erase(key);
        }
        ASSERT_EQ(table.size(), model.size());
    }
    const Table& all = table;
    EXPECT_EQ(model, (std::map<int, int>(all.begin(), all.end())));
    for (const auto& [key, value] : model) EXPECT_EQ(table.find(key)->second, value);
}

}  // namespace
}  // namespace messenger::alg
