// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/base/byte_search.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/support/exact_bytes.h"

namespace messenger::alg {
namespace {

using test::ExactBytes;

constexpr std::size_t kLongest = 150;  // two blocks and some

/// So long, with a wanted byte at every third place, and at others those that differ from it by little.
std::string mixture(std::size_t size, char wanted) {
    std::string text(size, '\0');
    for (std::size_t at = 0; at < size; ++at) {
        const auto other = static_cast<char>(static_cast<unsigned char>(wanted) ^ (1U << at % 8));
        text[at] = at % 3 == 0 ? wanted : other;
    }
    return text;
}

std::vector<std::size_t> line_ends(std::string_view text, std::size_t from) {
    std::vector<std::size_t> found;
    LineEnds ends(text, from);
    for (std::size_t at = ends.next(); at != std::string_view::npos; at = ends.next()) found.push_back(at);
    return found;
}

TEST(ByteSearch, EveryValueIsFoundWhereItIsAndNowhereElse) {
    for (unsigned value = 0; value < 256; ++value) {
        const auto wanted = static_cast<char>(value);
        const ExactBytes block(mixture(64, wanted));
        std::uint64_t expected = 0;
        for (unsigned at = 0; at < 64; at += 3) expected |= std::uint64_t{1} << at;
        EXPECT_EQ(find_bytes<64>(block.text().data(), wanted), expected) << value;
        EXPECT_EQ(find_bytes_by_words<64>(block.text().data(), wanted), expected) << value;
        EXPECT_EQ(find_bytes<16>(block.text().data(), wanted), expected & 0xffffU) << value;
        EXPECT_EQ(find_bytes_by_words<8>(block.text().data(), wanted), expected & 0xffU) << value;
    }
}

TEST(ByteSearch, BlanksAndControlsAreInvisible) {
    for (unsigned value = 0; value < 256; ++value) {
        std::string text(64, 'x');
        for (std::size_t at = 0; at < text.size(); at += 5) text[at] = static_cast<char>(value);
        std::uint64_t expected = 0;
        const bool invisible = value <= ' ' || value == 0x7f;
        for (unsigned at = 0; invisible && at < 64; at += 5) expected |= std::uint64_t{1} << at;
        const ExactBytes block(text);
        EXPECT_EQ(find_invisible<64>(block.text().data()), expected) << value;
        EXPECT_EQ(find_invisible<16>(block.text().data()), expected & 0xffffU) << value;
    }
}

TEST(ByteSearch, LettersDigitsAndHyphensAreWordBytes) {
    for (unsigned value = 0; value < 256; ++value) {
        std::string text(64, '@');
        for (std::size_t at = 0; at < 64; at += 5) text[at] = static_cast<char>(value);
        std::uint64_t expected = 0;
        const bool in_word = (value >= 'a' && value <= 'z') || (value >= 'A' && value <= 'Z') ||
                             (value >= '0' && value <= '9') || value == '-';
        for (unsigned at = 0; in_word && at < 64; at += 5) expected |= std::uint64_t{1} << at;
        const ExactBytes block(text);
        EXPECT_EQ(find_word_bytes<64>(block.text().data()), expected) << value;
        EXPECT_EQ(find_word_bytes<16>(block.text().data()), expected & 0xffffU) << value;
    }
}

TEST(ByteSearch, TheFirstOneOfARangeIsFound) {
    for (std::size_t size = 0; size < 40; ++size) {
        for (std::size_t place = 0; place < size; ++place) {
            std::string text(size, '.');
            text[place] = ':';
            text.back() = ':';
            const ExactBytes exact(text);
            for (std::size_t from = 0; from <= place; ++from) {
                EXPECT_EQ(find_byte(exact.text(), from, size, ':'), place);
                EXPECT_EQ(find_byte(exact.text(), from, place, ':'), place) << "what follows the range is not in it";
            }
        }
    }
}

TEST(LineEnds, EachIsToldOnceWhereverTheTextEnds) {
    for (std::size_t size = 0; size < kLongest; ++size) {
        const ExactBytes exact(mixture(size, '\n'));
        for (std::size_t from = 0; from <= size; ++from) {
            std::vector<std::size_t> expected;
            for (std::size_t at = (from + 2) / 3 * 3; at < size; at += 3) expected.push_back(at);
            EXPECT_EQ(line_ends(exact.text(), from), expected) << size << " bytes from " << from;
        }
    }
}

TEST(LineEnds, LinesLongerThanABlockEndToo) {
    std::string text(kLongest, 'x');
    text.back() = '\n';
    EXPECT_THAT(line_ends(ExactBytes(text).text(), 0), testing::ElementsAre(kLongest - 1));
    text.back() = 'x';
    EXPECT_THAT(line_ends(ExactBytes(text).text(), 0), testing::IsEmpty());
}

}  // namespace
}  // namespace messenger::alg
