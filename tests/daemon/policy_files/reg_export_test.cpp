// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/reg_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/policy_files/reg_file.h"
#include "daemon/policy_files/reg_text.h"
#include "tests/daemon/policy_files/recorder.h"

namespace messenger::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Config with(NumberRange media, NumberRange sip) {
    Config config;
    config.network.media_ports = media;
    config.sip.dynamic_ports = sip;
    return config;
}

TEST(RegExport, WritesWhatRegeditWrites) {
    const RegExport exported = export_reg(with({5350, 5353}, {7100, 7103}));
    ASSERT_THAT(exported.errors, IsEmpty());
    ASSERT_EQ(exported.bytes.substr(0, 4), std::string("\xff\xfeW\0", 4));
    const std::string text = utf16_to_utf8(std::string_view(exported.bytes).substr(2));
    EXPECT_THAT(text, HasSubstr(messenger::testing::kSample));
    EXPECT_THAT(text, HasSubstr("[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Windows\\RTC\\PortRange]\r\n"));
}

TEST(RegExport, ReadsBackAsWhatItWasMadeFrom) {
    constexpr NumberRange kAny{1024, 65535};
    struct Case {
        NumberRange media;
        NumberRange sip;
    };
    for (const Case& one : {Case{{5350, 5353}, {7100, 7103}}, Case{{1025, 1029}, {1030, 1031}},
                            Case{{65532, 65535}, kAny}, Case{kAny, {1024, 1025}}}) {
        const RegExport exported = export_reg(with(one.media, one.sip));
        ASSERT_THAT(exported.errors, IsEmpty());
        PolicyRegistry registry;
        ASSERT_THAT(messenger::testing::to_lines(read_reg_file(
                        exported.bytes, "x.reg", [&](const RegistryChange& change) { registry.apply(change); })),
                    IsEmpty());
        const auto result = judge_port_policy(registry);
        EXPECT_THAT(messenger::testing::to_lines(result.errors), IsEmpty());
        EXPECT_EQ(result.sources.size(), 2U);
        EXPECT_EQ(result.policy.media.value_or(kAny), one.media);
        EXPECT_EQ(result.policy.sip.value_or(kAny), one.sip);
    }
}

TEST(RegExport, RefusesWhatClientsWouldRefuse) {
    EXPECT_THAT(export_reg(Config{}).errors, ElementsAre(HasSubstr("nothing to pin clients to")));
    EXPECT_THAT(export_reg(with({5350, 5352}, {7100, 7103})).errors, ElementsAre(HasSubstr("network.media_ports")));
    EXPECT_THAT(export_reg(with({5350, 5353}, {7100, 7100})).errors, ElementsAre(HasSubstr("sip.dynamic_ports")));
    EXPECT_THAT(export_reg(with({5350, 7100}, {7100, 7103})).errors, ElementsAre(HasSubstr("overlaps")));
    EXPECT_THAT(export_reg(with({5350, 5352}, {7100, 7103})).bytes, IsEmpty());
}

}  // namespace
}  // namespace messenger::daemon
