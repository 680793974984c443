// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/sanitize.h"

#include <gtest/gtest.h>

#include "daemon/process/rate_cap.h"

namespace messenger::daemon {
namespace {

using namespace std::string_view_literals;

TEST(Sanitize, LeavesPrintableTextAlone) {
    EXPECT_EQ(sanitize("INVITE sip:bob@example.com SIP/2.0 ~"), "INVITE sip:bob@example.com SIP/2.0 ~");
    EXPECT_EQ(sanitize(""), "");
}

TEST(Sanitize, EscapesWhatCouldForgeALineOrDriveATerminal) {
    EXPECT_EQ(sanitize("a\r\nb\tc"), "a\\r\\nb\\tc");
    EXPECT_EQ(sanitize("\x1b[2J\0\x7f\xc3\xa9"sv), "\\x1b[2J\\x00\\x7f\\xc3\\xa9");
    EXPECT_EQ(sanitize("\\n"), "\\\\n");
}

TEST(Sanitize, CutsLongTextBetweenEscapes) {
    EXPECT_EQ(sanitize("abcdefgh", 8), "abcdefgh");
    EXPECT_EQ(sanitize("abcdefghi", 8), "abcde...");
    EXPECT_EQ(sanitize("abcd\x01\x01", 8), "abcd...");
    EXPECT_EQ(sanitize("\x01\x01\x01", 8), "\\x01...");
    EXPECT_EQ(sanitize("\x01\x01", 8), "\\x01\\x01");
    EXPECT_EQ(sanitize("abcdef", 2), "..");
    EXPECT_EQ(sanitize("abcdef", 0), "");
}

TEST(Sanitize, NeverExceedsItsLimit) {
    for (std::size_t limit = 0; limit < 40; ++limit) {
        for (const auto text : {"abc\n\n\ndef\xff\xff\xffghijklmnop"sv, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv}) {
            EXPECT_LE(sanitize(text, limit).size(), limit);
        }
    }
}

TEST(RateCap, LetsSoManyThroughInEachSpan) {
    RateCap cap(2, std::chrono::seconds(10));
    const alg::TimePoint start(std::chrono::seconds(100));
    EXPECT_TRUE(cap.ask(start).let_through);
    EXPECT_TRUE(cap.ask(start + std::chrono::seconds(5)).let_through);
    EXPECT_FALSE(cap.ask(start + std::chrono::seconds(5)).let_through);
    EXPECT_FALSE(cap.ask(start + std::chrono::seconds(9)).let_through);
    const auto next = cap.ask(start + std::chrono::seconds(10));
    EXPECT_TRUE(next.let_through);
    EXPECT_EQ(next.suppressed, 2U);
    EXPECT_EQ(cap.ask(start + std::chrono::seconds(10)).suppressed, 0U);
}

}  // namespace
}  // namespace messenger::daemon
