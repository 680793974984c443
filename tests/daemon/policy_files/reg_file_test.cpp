// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/reg_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/policy_files/recorder.h"
#include "tests/support/exact_bytes.h"

namespace messenger::daemon {
namespace {

using messenger::testing::kSample;
using messenger::testing::utf16_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct Read {
    std::vector<std::string> changes;
    std::vector<std::string> errors;
};

Read read(std::string_view bytes) {
    const test::ExactBytes exact(bytes);
    messenger::testing::Recorder recorder;
    const auto errors = read_reg_file(exact.text(), "a.reg", recorder.taker());
    return {recorder.lines, messenger::testing::to_lines(errors)};
}

/// A REGEDIT4 file with these lines behind the first.
Read read_lines(std::string_view lines) {
    return read("REGEDIT4\r\n" + std::string(lines));
}

std::string below_sample(std::string_view rest) {
    return "HKLM\\SOFTWARE\\Policies\\Microsoft\\Communicator\\PortRange " + std::string(rest);
}

const auto kSampleChanges =
    ElementsAre("set " + below_sample("Enabled 4 1 @4"), "set " + below_sample("MinSipDynamicPort 4 7100 @5"),
                "set " + below_sample("MaxSipDynamicPort 4 7103 @6"), "set " + below_sample("MinMediaPort 4 5350 @7"),
                "set " + below_sample("MaxMediaPort 4 5353 @8"));

TEST(RegFile, ReadsAUnicodeExport) {
    const std::string bytes =
        utf16_file("Windows Registry Editor Version 5.00\r\n\r\n" + std::string(kSample) + "\r\n");
    // The bytes that the format's description shows.
    EXPECT_EQ(bytes.substr(0, 16), std::string("\xff\xfe"
                                               "W\0i\0n\0d\0o\0w\0s\0",
                                               16));
    const Read found = read(bytes);
    EXPECT_THAT(found.errors, IsEmpty());
    EXPECT_THAT(found.changes, kSampleChanges);
}

TEST(RegFile, ReadsAnAnsiExport) {
    const Read found = read("REGEDIT4\r\n\r\n" + std::string(kSample));
    EXPECT_THAT(found.errors, IsEmpty());
    EXPECT_THAT(found.changes, kSampleChanges);
}

TEST(RegFile, ReadsLoneLineFeedsAndAByteOrderMarkOfUtf8) {
    const Read found = read("\xEF\xBB\xBFWindows Registry Editor Version 5.00\n[HKEY_CURRENT_USER\\A]\n\"x\"=dword:a");
    EXPECT_THAT(found.errors, IsEmpty());
    EXPECT_THAT(found.changes, ElementsAre("set HKCU\\A x 4 10 @3"));
}

TEST(RegFile, ReadsEveryFormOfAValue) {
    const Read found = read_lines(
        "[hkey_local_machine\\A\\B]\r\n"
        "@=\"default\"\r\n"
        "\"gone\"=-\r\n"
        "\"quo\\\"te\\\\\"=\"over\r\ntwo lines\"\r\n"
        "\"long\"=hex:01,02,\\\r\n  03,\\\r\n  04\r\n"
        "\"little\"=hex(4):e6,14,00,00\r\n"
        "\"short\"=hex(4):e6,14\r\n"
        "\"none\"=hex(0):\r\n"
        "  \"blanks\" = dword: 1F ; a comment\r\n"
        "[-HKEY_LOCAL_MACHINE\\A\\C]\r\n"
        "; the end\r\n");
    EXPECT_THAT(found.errors, IsEmpty());
    EXPECT_THAT(
        found.changes,
        ElementsAre("set HKLM\\A\\B 1 - @3", "remove HKLM\\A\\B gone @4", "set HKLM\\A\\B quo\"te\\ 1 - @5",
                    "set HKLM\\A\\B long 3 - @7", "set HKLM\\A\\B little 4 5350 @10", "set HKLM\\A\\B short 4 - @11",
                    "set HKLM\\A\\B none 0 - @12", "set HKLM\\A\\B blanks 4 31 @13", "remove-key HKLM\\A\\C @14"));
}

TEST(RegFile, FindsTheEndOfAKeyBesideBracketsInNamesAndComments) {
    const Read found = read_lines(
        "[HKEY_LOCAL_MACHINE\\A] ; see [1]\r\n\"x\"=dword:1\r\n"
        "[HKEY_LOCAL_MACHINE\\A]B]\r\n\"x\"=dword:1\r\n");
    EXPECT_THAT(found.errors, IsEmpty());
    EXPECT_THAT(found.changes, ElementsAre("set HKLM\\A x 4 1 @3", "set HKLM\\A]B x 4 1 @5"));
}

TEST(RegFile, ReadsOverOtherHives) {
    const Read found =
        read_lines("[HKEY_USERS\\S-1-5-18\\A]\r\n\"x\"=dword:1\r\n[HKEY_CLASSES_ROOT\\.c]\r\n@=\"c\"\r\n");
    EXPECT_THAT(found.errors, IsEmpty());
    EXPECT_THAT(found.changes, IsEmpty());
}

TEST(RegFile, NamesTheLineOfWhatIsWrongAndReadsOn) {
    const Read found = read_lines(
        "\"early\"=dword:1\r\n"               // 2
        "[HKEY_LOCAL_MACHINE\\A\r\n"          // 3
        "[HKLM\\A]\r\n"                       // 4
        "[HKEY_LOCAL_MACHINE\\A]\r\n"         // 5
        "\"no end=dword:1\r\n\"=dword:2\r\n"  // 6, 7: one name over two lines
        "\"digits\"=dword:123456789\r\n"      // 8
        "\"digits\"=dword:xyz\r\n"            // 9
        "\"more\"=dword:1 2\r\n"              // 10
        "\"byte\"=hex:01,222\r\n"             // 11
        "\"byte\"=hex:01,,02\r\n"             // 12
        "\"type\"=hex(g):01\r\n"              // 13
        "\"colon\"=hex01\r\n"                 // 14
        "\"what\"=word:1\r\n"                 // 15
        "\"equals\" dword:1\r\n"              // 16
        "text\r\n"                            // 17
        "[-HKEY_LOCAL_MACHINE\\A]\r\n"        // 18
        "\"late\"=dword:1\r\n"                // 19
        "[HKEY_LOCAL_MACHINE\\A]\r\n"         // 20
        "\"good\"=dword:1\r\n");
    EXPECT_THAT(found.errors, ElementsAre(StartsWith("a.reg:2: a value before"), StartsWith("a.reg:3: a [key] without"),
                                          HasSubstr("\"HKLM\" is no hive"), StartsWith("a.reg:8: dword"),
                                          StartsWith("a.reg:9: dword"), StartsWith("a.reg:10: \"2\" behind"),
                                          StartsWith("a.reg:11: hex data"), StartsWith("a.reg:12: hex data"),
                                          StartsWith("a.reg:13: hex(N)"), StartsWith("a.reg:14: hex without"),
                                          StartsWith("a.reg:15: behind ="), StartsWith("a.reg:16: a value without ="),
                                          StartsWith("a.reg:17: neither"), StartsWith("a.reg:19: a value under")));
    EXPECT_THAT(found.changes, ElementsAre("set HKLM\\A no end=dword:1\r\n 4 2 @6", "remove-key HKLM\\A @18",
                                           "set HKLM\\A good 4 1 @21"));
}

TEST(RegFile, StopsAtATextThatNeverEnds) {
    EXPECT_THAT(read_lines("[HKEY_LOCAL_MACHINE\\A]\r\n\"x\"=\"open\r\n\r\n").errors,
                ElementsAre("a.reg:3: a text without its closing quote"));
    EXPECT_THAT(read_lines("[HKEY_LOCAL_MACHINE\\A]\r\n\"x\\\"").errors,
                ElementsAre("a.reg:3: a text without its closing quote"));
    EXPECT_THAT(read_lines("[HKEY_LOCAL_MACHINE\\A]\r\n\"x\\").errors,
                ElementsAre("a.reg:3: a text without its closing quote"));
}

TEST(RegFile, GivesUpAFileThatIsNone) {
    EXPECT_THAT(read("").errors, ElementsAre(HasSubstr("the first line is neither")));
    EXPECT_THAT(read("hello\r\n").errors, ElementsAre(StartsWith("a.reg:1: the first line is neither")));
    EXPECT_THAT(read(std::string("\xFF\xFE\x57", 3)).errors,
                ElementsAre(StartsWith("a.reg: byte 2 (0x2): half a UTF-16")));
    EXPECT_THAT(read(std::string("\xFE\xFF\0W", 4)).errors, ElementsAre(HasSubstr("big-endian")));
    EXPECT_THAT(read(std::string("W\0i\0", 4)).errors, ElementsAre(HasSubstr("without its byte order mark")));
    std::string rubbish = "REGEDIT4\n";
    for (int i = 0; i < 1000; ++i) rubbish += "rubbish\n";
    EXPECT_EQ(read(rubbish).errors.size(), 20U);
}

TEST(RegFile, ShowsControlCharactersEscaped) {
    EXPECT_THAT(read_lines("\x1b[2J\r\n").errors, ElementsAre(HasSubstr("\\x1b[2J")));
}

TEST(RegText, ReadsSurrogatesAndReplacesHalfOnes) {
    EXPECT_EQ(utf16_to_utf8(std::string_view("\x3d\xd8\x00\xde", 4)), "\xF0\x9F\x98\x80");
    EXPECT_EQ(utf16_to_utf8(std::string_view("\x3d\xd8\x41\x00\x00\xde", 6)),
              "\xEF\xBF\xBD"
              "A\xEF\xBF\xBD");
    EXPECT_EQ(utf16_to_utf8(std::string_view("\xe4\x00\xac\x20", 4)), "\xC3\xA4\xE2\x82\xAC");
}

}  // namespace
}  // namespace messenger::daemon
