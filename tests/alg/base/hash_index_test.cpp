// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/base/hash_index.h"

#include <gtest/gtest.h>

namespace messenger::alg {
namespace {

struct Names {
    std::vector<int> list;
    HashIndex index;

    /// Two of them always share a hash.
    static std::size_t hash(int name) { return static_cast<std::size_t>(name / 2); }
    void add(int name) {
        index.add(hash(name), list.size());
        list.push_back(name);
    }
    [[nodiscard]] std::optional<std::size_t> find(int name) const {
        return index.find(hash(name), [&](std::size_t place) { return list[place] == name; });
    }
    void clear() {
        list.clear();
        index.clear();
    }
};

TEST(HashIndex, FindsWhatWasAddedAmongOthersWithTheSameHash) {
    Names names;
    EXPECT_FALSE(names.find(3));
    for (int name = 0; name < 500; ++name) names.add(3 * name);
    for (int name = 0; name < 500; ++name) EXPECT_EQ(names.find(3 * name), static_cast<std::size_t>(name));
    EXPECT_FALSE(names.find(4));
}

TEST(HashIndex, KnowsNothingAfterItWasCleared) {
    Names names;
    for (int round = 0; round < 3; ++round) {
        names.add(round);
        names.add(100);
        EXPECT_EQ(names.find(100), 1U);
        names.clear();
        EXPECT_FALSE(names.find(round));
        EXPECT_FALSE(names.find(100));
    }
}

}  // namespace
}  // namespace messenger::alg
