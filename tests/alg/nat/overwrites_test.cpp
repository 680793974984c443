// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/overwrites.h"

#include <gtest/gtest.h>

namespace messenger::alg {
namespace {

constexpr std::uint32_t kBegin = 0xFFFFFFF0U;  // so that the text goes round
constexpr std::uint32_t kMost = Overwrites::kMostBytes;
const std::string kText = "NEGOTIATE Compression: LZ77-64K, LZ77-8K\r\n\r\n";
const std::string kDeclined = "NEGOTIATE Compression: xxxxxxxx, xxxxxxx\r\n\r\n";

EditList declining() {
    EditList edits;
    edits.begin(kText);
    for (const std::string_view method : {"LZ77-64K", "LZ77-8K"}) {
        const std::string x(method.size(), 'x');
        edits.replace(std::string_view(kText).substr(kText.find(method), method.size()), x);
    }
    return edits;
}

/// The bytes [from, to) of the text as they go on.
std::string passed(const Overwrites& overwrites, std::size_t from, std::size_t to) {
    std::string payload = kText.substr(from, to - from);
    const std::string before = payload;
    const bool differs = overwrites.apply(kBegin + static_cast<std::uint32_t>(from), payload);
    EXPECT_EQ(differs, payload != before);
    return payload;
}

TEST(Overwrites, GoOnTheSameHoweverTheBytesComeAgain) {
    Overwrites overwrites;
    EXPECT_EQ(passed(overwrites, 0, kText.size()), kText) << "nothing is to be overwritten yet";
    ASSERT_TRUE(overwrites.add(kBegin, declining()));
    for (std::size_t from = 0; from <= kText.size(); ++from) {
        for (std::size_t to = from; to <= kText.size(); ++to) {
            ASSERT_EQ(passed(overwrites, from, to), kDeclined.substr(from, to - from)) << from << " " << to;
        }
    }
}

TEST(Overwrites, EndWithTheAcknowledgement) {
    Overwrites overwrites;
    ASSERT_TRUE(overwrites.add(kBegin, declining()));
    overwrites.on_acknowledgement(kBegin + 40);
    EXPECT_FALSE(overwrites.empty()) << "acknowledges what has not been sent";
    overwrites.on_segment(kBegin, kText.size());
    overwrites.on_acknowledgement(kBegin + 31);
    EXPECT_EQ(passed(overwrites, 0, kText.size()), "NEGOTIATE Compression: LZ77-64K, xxxxxxx\r\n\r\n");
    overwrites.on_acknowledgement(kBegin + 39);
    EXPECT_FALSE(overwrites.empty()) << "its last byte is still missing";
    overwrites.on_acknowledgement(kBegin + 40);
    EXPECT_TRUE(overwrites.empty());
}

TEST(Overwrites, NeverTouchWhatHasPassed) {
    Overwrites overwrites;
    overwrites.on_segment(kBegin, 24);
    EXPECT_FALSE(overwrites.add(kBegin, declining())) << "the first letter of the method is gone";
    EXPECT_TRUE(overwrites.empty());
    EXPECT_TRUE(overwrites.add(kBegin + 1, declining()));
}

TEST(Overwrites, KeepEveryLengthAndABound) {
    Overwrites overwrites;
    EditList longer;
    longer.begin(kText);
    longer.replace(std::string_view(kText).substr(0, 3), "four");
    EXPECT_FALSE(overwrites.add(kBegin, longer));
    const std::string text(Overwrites::kMostBytes, 'a');
    const std::string other(Overwrites::kMostBytes, 'b');
    EditList most;
    most.begin(text);
    most.replace(text, other);
    EXPECT_TRUE(overwrites.add(kBegin, most));
    EXPECT_FALSE(overwrites.add(kBegin + kMost, declining()));
    overwrites.on_segment(kBegin, text.size());
    overwrites.on_acknowledgement(kBegin + static_cast<std::uint32_t>(text.size()));
    EXPECT_TRUE(overwrites.add(kBegin + kMost, declining())) << "there is room again";
}

TEST(Overwrites, AreForgottenBeforeTheNumbersComeRound) {
    Overwrites overwrites;
    ASSERT_TRUE(overwrites.add(kBegin, declining()));
    for (std::uint32_t at = 0; at < 0xF0000000U; at += 0x10000000U) overwrites.on_segment(kBegin + at, 1000);
    EXPECT_TRUE(overwrites.empty());
}

}  // namespace
}  // namespace messenger::alg
