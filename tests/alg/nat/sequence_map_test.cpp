// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/sequence_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>

namespace messenger::alg {
namespace {

std::string render(const SequenceMap& map, std::uint32_t sequence, std::string_view bytes) {
    std::string output;
    map.render(sequence, bytes, output);
    return output;
}

TEST(SequenceMap, IsTheIdentityWithoutEdits) {
    const SequenceMap map;
    EXPECT_FALSE(map.edited());
    for (const std::uint32_t sequence : {0U, 1U, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
        EXPECT_EQ(map.out(sequence), sequence);
        EXPECT_EQ(map.in(sequence), sequence);
        EXPECT_EQ(map.in_from(sequence), sequence);
    }
    EXPECT_EQ(render(map, 5, "bytes"), "bytes");
}

TEST(SequenceMap, LetsGrowthTravelWithTheLastByte) {
    SequenceMap map;
    ASSERT_TRUE(map.add(100, 3, "abcdefgh"));
    EXPECT_EQ(map.out(100), 100U);
    EXPECT_EQ(map.out(101), 101U);
    EXPECT_EQ(map.out(102), 102U);
    EXPECT_EQ(map.out(103), 108U);
    EXPECT_EQ(render(map, 98, "..xyz.."), "..abcdefgh..");
    EXPECT_EQ(render(map, 100, "xy"), "ab");
    EXPECT_EQ(render(map, 102, "z"), "cdefgh");
    for (const std::uint32_t half : {102U, 103U, 107U}) EXPECT_EQ(map.in(half), 102U) << half;
    EXPECT_EQ(map.in(108), 103U);
    EXPECT_EQ(map.in_from(102), 102U);
    for (const std::uint32_t half : {103U, 107U, 108U}) EXPECT_EQ(map.in_from(half), 103U) << half;
}

TEST(SequenceMap, AcknowledgesWhatWasDeletedWithWhatIsBeforeIt) {
    SequenceMap map;
    ASSERT_TRUE(map.add(100, 10, "ab"));
    EXPECT_EQ(map.in(101), 101U);
    EXPECT_EQ(map.in(102), 110U);
    EXPECT_EQ(map.in_from(102), 102U);
    EXPECT_EQ(map.in_from(103), 111U);
    EXPECT_EQ(render(map, 100, "0123456789."), "ab.");
    EXPECT_EQ(render(map, 102, "23456789"), "");
    ASSERT_TRUE(map.add(110, 1, ""));
    EXPECT_EQ(map.in(102), 111U);
}

TEST(SequenceMap, RefusesEditsOutOfPlaceOrWithoutRoom) {
    SequenceMap map;
    EXPECT_FALSE(map.add(5, 0, "x")) << "an insertion";
    ASSERT_TRUE(map.add(10, 5, "x"));
    EXPECT_FALSE(map.add(14, 1, "x"));
    EXPECT_FALSE(map.add(5, 1, "x"));
    EXPECT_FALSE(map.add(20, SequenceMap::kMaxLength + 1, "x"));
    EXPECT_FALSE(map.add(20, 1, std::string(SequenceMap::kMaxBytes, 'x')));
    EXPECT_FALSE(map.add(10 + SequenceMap::kMaxSpan, 1, "x"));
    EXPECT_EQ(map.size(), 1U);
    for (std::uint32_t i = 1; i < SequenceMap::kMaxEdits; ++i) ASSERT_TRUE(map.add(10 + 5 * i, 5, "x"));
    EXPECT_FALSE(map.has_room(1, 0));
    EXPECT_FALSE(map.add(1'000'000, 1, "x"));
    map.acknowledge(map.out(1'000'000));
    EXPECT_TRUE(map.add(1'000'000, 1, "x"));
}

TEST(SequenceMap, FoldsOldEditsOnceTheyAreAcknowledged) {
    SequenceMap map;
    const auto count = static_cast<std::uint32_t>(SequenceMap::kKeptEdits) + 10;
    for (std::uint32_t i = 0; i < count; ++i) ASSERT_TRUE(map.add(100 * i, 10, "123456789abcde"));
    map.acknowledge(map.out(100 * 5));
    EXPECT_EQ(map.size(), count - 5);
    EXPECT_EQ(map.out(410), 430U) << "behind the last folded one: as before";
    EXPECT_EQ(map.out(10), 10U + 5 * 4) << "with the oldest known shift";
    EXPECT_EQ(map.in(30), 10U);
    map.acknowledge(map.out(100 * count));
    EXPECT_EQ(map.size(), SequenceMap::kKeptEdits);
    map.acknowledge(map.out(100 * count) + SequenceMap::kKeptDistance + 100);
    EXPECT_EQ(map.size(), 0U);
    EXPECT_EQ(map.shift(), count * 4);
    EXPECT_TRUE(map.edited());
}

TEST(SequenceMap, FoldsNothingThatIsNotAcknowledgedToItsEnd) {
    SequenceMap map;
    for (std::uint32_t i = 0; i < 100; ++i) ASSERT_TRUE(map.add(10 * i, 2, "abc"));
    map.acknowledge(map.out(12) - 1);
    EXPECT_EQ(map.size(), 99U);
    EXPECT_EQ(render(map, 10, "xy"), "abc");
}

/// What the map promises, byte by byte.
struct Model {
    std::string input;
    std::string output;
    std::vector<std::size_t> at;  ///< of every input position, the output position

    explicit Model(std::string text) : input(std::move(text)) {}
    void copy(std::size_t count) {
        for (; count > 0 && at.size() < input.size(); --count) {
            at.push_back(output.size());
            output += input[at.size() - 1];
        }
    }
    void edit(std::size_t length, const std::string& replacement) {
        for (std::size_t k = 0; k < length; ++k) at.push_back(output.size() + std::min(k, replacement.size()));
        output += replacement;
    }
    void finish() {
        copy(input.size());
        at.push_back(output.size());
    }
};

class Story {
   public:
    explicit Story(unsigned seed)
        : random_(seed), first_(0U - static_cast<std::uint32_t>(below(150))), model_(word(1 + below(120))) {
        while (below(5) != 0 && model_.at.size() < model_.input.size()) {
            model_.copy(below(12));
            const std::size_t left = model_.input.size() - model_.at.size();
            if (left == 0) break;
            const std::size_t length = 1 + below(std::min<std::size_t>(left, 9));
            const std::string replacement = word(below(14));
            EXPECT_TRUE(map_.add(first_ + static_cast<std::uint32_t>(model_.at.size()),
                                 static_cast<std::uint32_t>(length), replacement));
            model_.edit(length, replacement);
        }
        model_.finish();
    }

    /// All the mappings, from this input position on.
    void check(std::size_t from) {
        for (std::size_t position = from; position <= model_.input.size(); ++position) {
            ASSERT_EQ(map_.out(in_number(position)), out_number(model_.at[position])) << position;
        }
        for (std::size_t position = model_.at[from]; position <= model_.output.size(); ++position) {
            const auto last = std::upper_bound(model_.at.begin(), model_.at.end(), position) - 1;
            ASSERT_EQ(map_.in(out_number(position)), in_number(static_cast<std::size_t>(last - model_.at.begin())))
                << position;
            const auto begin = std::lower_bound(model_.at.begin(), model_.at.end(), position);
            if (position == model_.at[from]) continue;  // what lies before it may be folded
            ASSERT_EQ(map_.in_from(out_number(position)),
                      in_number(static_cast<std::size_t>(begin - model_.at.begin())))
                << position;
        }
        for (int i = 0; i < 8; ++i) {
            const std::size_t begin = from + below(model_.input.size() - from + 1);
            const std::size_t size = below(model_.input.size() - begin + 1);
            const std::string bytes = model_.input.substr(begin, size);
            const std::string expected =
                model_.output.substr(model_.at[begin], model_.at[begin + size] - model_.at[begin]);
            ASSERT_EQ(render(map_, in_number(begin), bytes), expected);
            if (!map_.changes(in_number(begin), size)) {
                ASSERT_EQ(bytes, expected);
            }
        }
    }

    void tell() {
        check(0);
        const std::size_t known = below(model_.input.size() + 1);
        map_.acknowledge(out_number(model_.at[known]));
        check(known);
        std::vector<std::byte> saved;
        map_.save(saved);
        std::span<const std::byte> from(saved);
        const auto loaded = SequenceMap::load(from);
        ASSERT_TRUE(loaded);
        ASSERT_TRUE(from.empty());
        map_ = *loaded;
        check(known);
    }

   private:
    [[nodiscard]] std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
    [[nodiscard]] std::string word(std::size_t size) {
        std::string text;
        while (text.size() < size) text += static_cast<char>('a' + below(26));
        return text;
    }
    [[nodiscard]] std::uint32_t in_number(std::size_t position) const {
        return first_ + static_cast<std::uint32_t>(position);
    }
    [[nodiscard]] std::uint32_t out_number(std::size_t position) const { return in_number(position); }

    std::minstd_rand random_;
    std::uint32_t first_;
    SequenceMap map_;
    Model model_;
};

TEST(SequenceMap, DoesWhatItsModelDoes) {
    for (unsigned seed = 1; seed <= 20'000; ++seed) {
        SCOPED_TRACE(seed);
        Story(seed).tell();
        ASSERT_FALSE(HasFailure());
    }
}

TEST(SequenceMap, LoadsNothingThatIsCutOrImpossible) {
    SequenceMap map;
    ASSERT_TRUE(map.add(10, 5, "replacement"));
    ASSERT_TRUE(map.add(20, 5, ""));
    std::vector<std::byte> saved;
    map.save(saved);
    const auto loads = [](std::vector<std::byte> bytes) {
        bytes.shrink_to_fit();
        std::span<const std::byte> from(bytes);
        return SequenceMap::load(from).has_value();
    };
    EXPECT_TRUE(loads(saved));
    for (std::size_t size = 0; size < saved.size(); ++size) {
        EXPECT_FALSE(loads({saved.begin(), saved.begin() + static_cast<std::ptrdiff_t>(size)})) << size;
    }
    for (const std::size_t at : {std::size_t{0}, std::size_t{5}, std::size_t{9 + 4}, std::size_t{9 + 8}}) {
        std::vector<std::byte> wrong = saved;  // not edited; count; length; size of the replacement
        wrong[at] = wrong[at] == std::byte{1} ? std::byte{0} : std::byte{0x7f};
        EXPECT_FALSE(loads(wrong)) << at;
    }
}

}  // namespace
}  // namespace messenger::alg
