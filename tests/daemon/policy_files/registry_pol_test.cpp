// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/registry_pol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/policy_files/pol_builder.h"
#include "tests/daemon/policy_files/recorder.h"
#include "tests/support/exact_bytes.h"

namespace messenger::daemon {
namespace {

using messenger::testing::kCommunicator;
using messenger::testing::PolBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::string_view_literals;

struct Read {
    std::vector<std::string> changes;
    std::string error;
};

Read read(std::string_view bytes, Hive hive = Hive::local_machine) {
    const test::ExactBytes exact(bytes);
    messenger::testing::Recorder recorder;
    const auto error = read_registry_pol(exact.text(), "r.pol", hive, recorder.taker());
    return {recorder.lines, error ? error->to_string() : ""};
}

TEST(RegistryPol, ReadsTheSampleRecord) {
    const std::string bytes = PolBuilder().dword(kCommunicator, "Enabled", 1).bytes();
    ASSERT_EQ(bytes.size(), 150U);
    // The rows of the format's description: the beginning, and from 0x70 to the end.
    EXPECT_EQ(bytes.substr(0, 16), "PReg\x01\0\0\0[\0S\0O\0F\0"sv);
    EXPECT_EQ(bytes.substr(0x70), ";\0E\0n\0a\0b\0l\0e\0d\0\0\0;\0\x04\0\0\0;\0\x04\0\0\0;\0\x01\0\0\0]\0"sv);
    const Read found = read(bytes);
    EXPECT_EQ(found.error, "");
    EXPECT_THAT(found.changes, ElementsAre("set HKLM\\" + std::string(kCommunicator) + " Enabled 4 1 @8"));
}

TEST(RegistryPol, TakesTheHiveFromItsCaller) {
    const std::string bytes = PolBuilder().dword("A", "x", 1).bytes();
    EXPECT_THAT(read(bytes, Hive::current_user).changes, ElementsAre("set HKCU\\A x 4 1 @8"));
}

TEST(RegistryPol, ReadsDataByItsSizeWhateverItHolds) {
    const std::string bytes =
        PolBuilder().record("A", "x", 3, "]\0[\0A\0\0\0;\0]\0"sv).record("B", "y", 1, "").dword("C", "z", 7).bytes();
    const Read found = read(bytes);
    EXPECT_EQ(found.error, "");
    EXPECT_THAT(found.changes, ElementsAre("set HKLM\\A x 3 - @8", "set HKLM\\B y 1 - @48", "set HKLM\\C z 4 7 @76"));
}

TEST(RegistryPol, CarriesOutCommandsInTheirOrder) {
    const std::string bytes = PolBuilder()
                                  .record("A", "**del.x", 1, " \0\0\0"sv)
                                  .record("A", "**DelVals.", 1, " \0\0\0"sv)
                                  .text("A", "**DeleteValues", "x; y;;z")
                                  .text("A", "**DeleteKeys", "B;C\\D")
                                  .dword("A", "**SOFT.x", 9)
                                  .dword("A", "**SecureKey", 1)
                                  .dword("A", "**unknown", 1)
                                  .bytes();
    const Read found = read(bytes);
    EXPECT_EQ(found.error, "");
    std::vector<std::string> without_place;
    for (const std::string& line : found.changes) without_place.push_back(line.substr(0, line.find(" @")));
    EXPECT_THAT(without_place,
                ElementsAre("remove HKLM\\A x", "remove-all HKLM\\A", "remove HKLM\\A x", "remove HKLM\\A y",
                            "remove HKLM\\A z", "remove-key HKLM\\B", "remove-key HKLM\\A below B",
                            "remove-key HKLM\\C\\D", "remove-key HKLM\\A below C\\D", "soft HKLM\\A x 4 9"));
}

TEST(RegistryPol, NamesTheByteWhereItsStructureBreaks) {
    const std::string good = PolBuilder().dword("A", "x", 1).bytes();
    const auto with = [&good](std::size_t at, std::string_view bytes) {
        return std::string(good).replace(at, bytes.size(), bytes);
    };
    // 0008 [ A NUL ; x NUL ; type ; size ; data ]
    EXPECT_EQ(read("PReg").error, "r.pol: byte 4 (0x4): the file ends in a number");
    EXPECT_EQ(read(with(0, "Preg")).error, "r.pol: byte 0 (0x0): does not begin with PReg");
    EXPECT_EQ(read(with(4, "\x02")).error, "r.pol: byte 4 (0x4): version 2 instead of 1");
    EXPECT_EQ(read(with(8, "{")).error, "r.pol: byte 8 (0x8): '[' (a record) is due here");
    EXPECT_EQ(read(with(14, ",")).error, "r.pol: byte 14 (0xe): ';' (the key's end) is due here");
    EXPECT_EQ(read(with(20, ",")).error, "r.pol: byte 20 (0x14): ';' (the name's end) is due here");
    EXPECT_EQ(read(with(28, "\xff\xff\0\0"sv)).error, "r.pol: byte 28 (0x1c): a size of 65535, but 6 bytes are left");
    EXPECT_EQ(read(with(28, "\xff\xff\xff\xff")).error,
              "r.pol: byte 28 (0x1c): a size of 4294967295; at most 65535 are allowed");
    EXPECT_EQ(read(with(28, "\x02")).error, "r.pol: byte 36 (0x24): ']' (the record's end) is due here");
    EXPECT_THAT(read(good + "[").error, HasSubstr("r.pol: byte 40 (0x28): the file ends where '['"));
    EXPECT_THAT(read(good + "[\0A\0"sv.data()).error, HasSubstr("byte 40"));
    EXPECT_EQ(read(good + std::string("[\0A\0", 4)).error, "r.pol: byte 42 (0x2a): the file ends in a key");
}

TEST(RegistryPol, HandsOutWhatStandsBeforeTheBreak) {
    const Read found = read(PolBuilder().dword("A", "x", 1).bytes() + "rubbish");
    EXPECT_THAT(found.changes, ElementsAre("set HKLM\\A x 4 1 @8"));
    EXPECT_NE(found.error, "");
}

TEST(RegistryPol, EveryCutIsAnErrorExceptBetweenRecords) {
    const std::string bytes = PolBuilder().dword("A", "x", 1).dword("A", "y", 2).bytes();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const bool whole = size == 8 || size == 40;
        EXPECT_EQ(read(std::string_view(bytes).substr(0, size)).error.empty(), whole) << size;
    }
}

TEST(RegistryPol, DoesNotLookForTheEndOfANameForEver) {
    EXPECT_THAT(read(PolBuilder().dword(std::string(20'000, 'A'), "x", 1).bytes()).error,
                HasSubstr("a key without an end"));
}

}  // namespace
}  // namespace messenger::daemon
