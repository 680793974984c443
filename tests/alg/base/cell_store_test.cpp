// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/base/cell_store.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/allocation_count.h"

namespace messenger::alg {
namespace {

using Bytes = std::vector<std::byte>;

[[nodiscard]] Bytes some(std::size_t size, unsigned seed) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(seed + i);
    return bytes;
}

[[nodiscard]] Bytes read(const CellStore& store, const CellStore::Record& record) {
    Bytes bytes = some(7, 1);
    store.read(record, bytes);
    return bytes;
}

TEST(CellStore, GivesBackWhatWasWritten) {
    CellStore store;
    for (const std::size_t size : {0U, 1U, 59U, 60U, 61U, 120U, 1000U}) {
        CellStore::Record record;
        store.write(record, some(size, 3));
        EXPECT_EQ(read(store, record), some(size, 3)) << size;
        EXPECT_EQ(store.cells_used(), (size + CellStore::kCellBytes - 1) / CellStore::kCellBytes);
        store.release(record);
        EXPECT_EQ(store.cells_used(), 0U);
        EXPECT_EQ(record.first, CellStore::kNone);
    }
}

TEST(CellStore, TakesAndFreesCellsAsARecordChanges) {
    CellStore store;
    CellStore::Record record;
    CellStore::Record other;
    store.write(record, some(100, 1));
    store.write(other, some(100, 2));
    store.write(record, some(300, 3));
    EXPECT_EQ(store.cells_used(), 7U);
    store.write(record, some(10, 4));
    EXPECT_EQ(store.cells_used(), 3U);
    EXPECT_EQ(read(store, record), some(10, 4));
    EXPECT_EQ(read(store, other), some(100, 2));
}

TEST(CellStore, NeedsNoMoreRoomWhateverTheLengthsBecome) {
    CellStore store;
    std::vector<CellStore::Record> records(100);
    std::vector<Bytes> model(records.size(), some(600, 0));
    for (auto& record : records) store.write(record, some(600, 0));
    const std::size_t before = test::allocation_count();
    std::mt19937 random(1);
    for (unsigned i = 0; i < 10'000; ++i) {
        const std::size_t which = random() % records.size();
        CellStore::Record& record = records[which];
        const auto length = static_cast<std::size_t>(random() % 601);
        const std::size_t count = test::allocation_count();
        const Bytes bytes = some(length, i);
        const std::size_t own = test::allocation_count() - count;
        store.write(record, bytes);
        ASSERT_EQ(test::allocation_count() - count, own);
        model[which] = bytes;
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
        EXPECT_EQ(read(store, records[i]), model[i]);
    }
    EXPECT_GT(test::allocation_count(), before) << "the counter sees the test's own";
}

}  // namespace
}  // namespace messenger::alg
