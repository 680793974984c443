// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/port_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/policy_files/reg_file.h"
#include "daemon/policy_files/registry_pol.h"
#include "tests/daemon/policy_files/pol_builder.h"
#include "tests/daemon/policy_files/recorder.h"

namespace messenger::daemon {
namespace {

using messenger::testing::kSample;
using messenger::testing::PolBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kRtc = "SOFTWARE\\Policies\\Microsoft\\Windows\\RTC\\PortRange";

void apply_reg(PolicyRegistry& registry, const std::string& lines, std::string_view file = "a.reg") {
    const auto errors =
        read_reg_file("REGEDIT4\n" + lines, file, [&](const RegistryChange& change) { registry.apply(change); });
    ASSERT_THAT(messenger::testing::to_lines(errors), IsEmpty());
}

void apply_pol(PolicyRegistry& registry, const PolBuilder& builder, Hive hive = Hive::local_machine) {
    const auto error = read_registry_pol(builder.bytes(), "r.pol", hive,
                                         [&](const RegistryChange& change) { registry.apply(change); });
    ASSERT_FALSE(error.has_value());
}

PortPolicyResult judge(const std::string& lines) {
    PolicyRegistry registry;
    apply_reg(registry, lines);
    return judge_port_policy(registry);
}

std::string key(std::string_view path, std::string_view hive = "HKEY_LOCAL_MACHINE") {
    return "[" + std::string(hive) + "\\" + std::string(path) + "]\n";
}

std::string values(int enabled, int first_sip, int last_sip, int first_media, int last_media) {
    const auto line = [](const char* name, int number) {
        std::array<char, 64> text{};
        std::snprintf(text.data(), text.size(), "\"%s\"=dword:%x\n", name, static_cast<unsigned>(number));
        return std::string(text.data());
    };
    return line("Enabled", enabled) + line("MinSipDynamicPort", first_sip) + line("MaxSipDynamicPort", last_sip) +
           line("MinMediaPort", first_media) + line("MaxMediaPort", last_media);
}

/// The errors of one Communicator key with these values.
std::vector<std::string> errors_of(int first_sip, int last_sip, int first_media, int last_media) {
    return messenger::testing::to_lines(
        judge(key(messenger::testing::kCommunicator) + values(1, first_sip, last_sip, first_media, last_media)).errors);
}

TEST(PortPolicy, ReadsTheSample) {
    const auto result = judge(std::string(kSample));
    EXPECT_THAT(result.errors, IsEmpty());
    EXPECT_THAT(result.notes, IsEmpty());
    EXPECT_EQ(result.policy, (PortPolicy{NumberRange{5350, 5353}, NumberRange{7100, 7103}}));
    ASSERT_EQ(result.sources.size(), 1U);
    EXPECT_EQ(result.sources[0].place.to_string(), "a.reg:3");
}

TEST(PortPolicy, ReadsTheKeysOfEveryProductInAnyCase) {
    for (const std::string_view path :
         {messenger::testing::kCommunicator, kRtc, std::string_view("comm\\rtc\\PORTRANGE")}) {
        EXPECT_EQ(judge(key(path) + values(1, 7100, 7103, 5350, 5353)).policy.media, (NumberRange{5350, 5353})) << path;
    }
}

TEST(PortPolicy, PinsNothingUnlessEnabled) {
    for (const std::string& lines : {values(0, 7100, 7103, 5350, 5353), std::string("\"MinMediaPort\"=dword:1\n")}) {
        const auto result = judge(key(kRtc) + lines);
        EXPECT_EQ(result.policy, PortPolicy{});
        EXPECT_THAT(result.errors, IsEmpty());
        ASSERT_EQ(result.notes.size(), 1U);
        EXPECT_THAT(result.notes[0].to_string(), HasSubstr("clients take any port"));
    }
    EXPECT_THAT(messenger::testing::to_lines(judge(key(kRtc) + values(2, 7100, 7103, 5350, 5353)).errors),
                ElementsAre(HasSubstr("a.reg:3: Enabled is 2; it must be 0 or 1")));
}

TEST(PortPolicy, TakesARangeOfMediaAlone) {
    const auto result =
        judge(key(kRtc) + "\"Enabled\"=dword:1\n\"MinMediaPort\"=dword:14e6\n\"MaxMediaPort\"=dword:14e9\n");
    EXPECT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.policy, (PortPolicy{NumberRange{5350, 5353}, std::nullopt}));
}

TEST(PortPolicy, HoldsRangesToTheRules) {
    EXPECT_THAT(errors_of(7100, 7101, 5350, 5353), IsEmpty());
    EXPECT_THAT(errors_of(1024, 1025, 65532, 65535), IsEmpty());
    EXPECT_THAT(errors_of(7100, 7103, 5351, 5355), IsEmpty());
    EXPECT_THAT(errors_of(7100, 7103, 5350, 5352),
                ElementsAre(HasSubstr("a.reg:6: MinMediaPort, MaxMediaPort: the "
                                      "range 5350-5352 has 3 ports; media needs 4")));
    EXPECT_THAT(errors_of(7100, 7103, 5351, 5354), ElementsAre(HasSubstr("media needs 5 if the first is odd")));
    EXPECT_THAT(errors_of(7103, 7100, 5350, 5353), ElementsAre(HasSubstr("does not end above its first port")));
    EXPECT_THAT(errors_of(7100, 7100, 5350, 5353), ElementsAre(HasSubstr("does not end above its first port")));
    EXPECT_THAT(errors_of(1023, 7103, 5350, 5353), ElementsAre(HasSubstr("port 1023 is not from 1024")));
    EXPECT_THAT(errors_of(7100, 7103, 5350, 65536), ElementsAre(HasSubstr("port 65536 is not from 1024")));
    EXPECT_THAT(errors_of(5353, 5360, 5350, 5353),
                ElementsAre(HasSubstr("5350-5353 overlaps the SIP range 5353-5360")));
}

TEST(PortPolicy, WantsBothEndsAndDwords) {
    const auto errors = [](const std::string& lines) {
        return messenger::testing::to_lines(judge(key(kRtc) + "\"Enabled\"=dword:1\n" + lines).errors);
    };
    EXPECT_THAT(errors("\"MaxMediaPort\"=dword:14e9\n"), ElementsAre(HasSubstr("a.reg:4: MaxMediaPort without Min")));
    EXPECT_THAT(errors("\"MinSipDynamicPort\"=dword:14e9\n"), ElementsAre(HasSubstr("MinSipDynamicPort without Max")));
    EXPECT_THAT(errors(""), ElementsAre(HasSubstr("a.reg:3: Enabled is 1, but no range is given")));
    EXPECT_THAT(errors("\"MinMediaPort\"=\"5350\"\n\"MaxMediaPort\"=dword:14e9\n"),
                ElementsAre(HasSubstr("a.reg:4: MinMediaPort is of type 1; clients read a REG_DWORD only")));
    EXPECT_THAT(errors("\"MinMediaPort\"=hex(4):01\n\"MaxMediaPort\"=dword:14e9\n"),
                ElementsAre(HasSubstr("not four bytes long")));
}

TEST(PortPolicy, TheMachineBeatsTheUser) {
    const auto result = judge(key(kRtc, "HKEY_CURRENT_USER") + values(1, 8100, 8103, 6350, 6353) + key(kRtc) +
                              values(1, 7100, 7103, 5350, 5353));
    EXPECT_EQ(result.policy.media, (NumberRange{5350, 5353}));
    EXPECT_EQ(result.sources.size(), 1U);
    ASSERT_EQ(result.notes.size(), 1U);
    EXPECT_THAT(result.notes[0].to_string(), HasSubstr("beats this one"));
    EXPECT_EQ(judge(key(kRtc, "HKEY_CURRENT_USER") + values(1, 8100, 8103, 6350, 6353)).policy.media,
              (NumberRange{6350, 6353}));
}

TEST(PortPolicy, ProductsThatDifferGiveTheRangeAroundBoth) {
    const auto result = judge(key(kRtc) + values(1, 7100, 7103, 5350, 5353) + key(messenger::testing::kCommunicator) +
                              values(1, 7100, 7103, 5400, 5403));
    EXPECT_EQ(result.policy, (PortPolicy{NumberRange{5350, 5403}, NumberRange{7100, 7103}}));
    ASSERT_EQ(result.notes.size(), 1U);
    EXPECT_THAT(result.notes[0].to_string(), HasSubstr("pins another media range"));
    const auto crossed = judge(key(kRtc) + values(1, 7100, 7103, 5350, 5353) + key(messenger::testing::kCommunicator) +
                               values(1, 7100, 7103, 8100, 8103));
    EXPECT_THAT(messenger::testing::to_lines(crossed.errors), ElementsAre(HasSubstr("together the keys' media range")));
}

TEST(PortPolicy, LaterFilesAndDeletionsWin) {
    PolicyRegistry registry;
    apply_reg(registry, std::string(kSample));
    apply_pol(registry, PolBuilder().dword(messenger::testing::kCommunicator, "MaxMediaPort", 5360));
    EXPECT_EQ(judge_port_policy(registry).policy.media, (NumberRange{5350, 5360}));
    apply_pol(registry, PolBuilder().dword(messenger::testing::kCommunicator, "**soft.MaxMediaPort", 5400));
    EXPECT_EQ(judge_port_policy(registry).policy.media, (NumberRange{5350, 5360}));
    apply_pol(registry, PolBuilder().record(messenger::testing::kCommunicator, "**del.MaxMediaPort", 1, " "));
    EXPECT_THAT(messenger::testing::to_lines(judge_port_policy(registry).errors),
                ElementsAre(HasSubstr("MinMediaPort without MaxMediaPort")));
    apply_pol(registry, PolBuilder().dword(messenger::testing::kCommunicator, "**soft.MaxMediaPort", 5400));
    EXPECT_EQ(judge_port_policy(registry).policy.media, (NumberRange{5350, 5400}));
    apply_pol(registry, PolBuilder().text("SOFTWARE\\Policies\\Microsoft\\Communicator", "**DeleteKeys", "PortRange"));
    EXPECT_THAT(judge_port_policy(registry).sources, IsEmpty());
}

TEST(PortPolicy, RemovingAKeyAboveRemovesIt) {
    for (const std::string_view above :
         {"SOFTWARE\\Policies", "software\\policies\\microsoft\\communicator\\portrange"}) {
        const auto result = judge(std::string(kSample) + "[-HKEY_LOCAL_MACHINE\\" + std::string(above) + "]\n");
        EXPECT_THAT(result.sources, IsEmpty()) << above;
    }
    for (const std::string_view beside : {"SOFTWARE\\Pol", "SOFTWARE\\Policies\\Microsoft\\Windows"}) {
        const auto result = judge(std::string(kSample) + "[-HKEY_LOCAL_MACHINE\\" + std::string(beside) + "]\n");
        EXPECT_EQ(result.sources.size(), 1U) << beside;
    }
    EXPECT_EQ(judge(std::string(kSample) + "[-HKEY_CURRENT_USER\\SOFTWARE]\n").sources.size(), 1U);
}

}  // namespace
}  // namespace messenger::daemon
