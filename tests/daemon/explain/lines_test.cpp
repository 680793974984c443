// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/lines.h"

#include <gtest/gtest.h>

#include <sstream>

namespace messenger::daemon {
namespace {

TEST(Lines, KeepsAShortLineWithItsBlanks) {
    std::string out;
    append_wrapped(out, "  1.0  ", 4, "a    b");
    EXPECT_EQ(out, "  1.0  a    b\n");
}

TEST(Lines, BreaksALongLineAtBlanks) {
    std::string text;
    for (int i = 0; i < 60; ++i) text += "word ";
    std::string out;
    append_wrapped(out, "> ", 6, text);
    std::istringstream lines(out);
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line); ++number) {
        EXPECT_LE(line.size(), kColumns);
        EXPECT_EQ(line.substr(0, 6), number == 0 ? "> word" : "      ");
    }
    EXPECT_GE(number, 3U);
}

TEST(Lines, GivesALongWordALineOfItsOwn) {
    const std::string word(150, 'x');
    std::string out;
    append_wrapped(out, "", 2, "a " + word + " b");
    EXPECT_EQ(out, "a\n  " + word + "\n  b\n");
}

TEST(Lines, FillsALineToItsLastColumn) {
    const std::string half(kColumns / 2, 'x');
    const std::string rest(kColumns - half.size() - 1, 'y');
    std::string out;
    append_wrapped(out, "", 2, half + ' ' + rest);
    EXPECT_EQ(out, half + ' ' + rest + '\n');
    out.clear();
    append_wrapped(out, "", 2, half + ' ' + rest + 'y');
    EXPECT_EQ(out, half + "\n  " + rest + "y\n");
}

TEST(Lines, CountsInWords) {
    EXPECT_EQ(count(0, "call"), "0 calls");
    EXPECT_EQ(count(1, "call"), "1 call");
    EXPECT_EQ(count(2, "call"), "2 calls");
}

}  // namespace
}  // namespace messenger::daemon
