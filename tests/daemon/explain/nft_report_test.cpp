// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/nft_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/daemon/explain/recorded_call.h"

namespace messenger::daemon {
namespace {

using namespace messenger::testing;
using ::testing::MatchesRegex;

TEST(NftReport, WritesTheCommandsAndWhen) {
    std::string out;
    NftReport report(out);
    Recorder recorder(report);
    report.begin_capture("call.pcap");
    recorder.call_begins(0.5);
    recorder.udp(2, kBobMedia, kAliceMedia, "rtp");
    recorder.udp(70, kAlice, kBob, kBye);
    report.end_capture(recorder.summary());
    const std::string call =
        " timeout 1m comment \"audio rtc?p call=[0-9a-f]+ dialog=[0-9a-f]+ id=call-1@10.0.0.5\" \\}\n";
    EXPECT_THAT(
        out, MatchesRegex(
                 "# call\\.pcap\n"
                 "# 1160000001\\.500000\n"
                 "add element inet messenger_alg pinholes4 \\{ 192.0.2.9 \\. 10.0.0.5 \\. udp \\. 4000" +
                 call + "add element inet messenger_alg pinholes4 \\{ 192.0.2.9 \\. 10.0.0.5 \\. udp \\. 4001" + call +
                 "# 1160000061\\.500000\n"
                 "# timed out in pinholes4: 192.0.2.9 \\. 10.0.0.5 \\. udp \\. 4001\n"
                 "# 1160000070\\.000000\n"
                 "delete element inet messenger_alg pinholes4 "
                 "\\{ 192.0.2.9 \\. 10.0.0.5 \\. udp \\. 4000 \\}\n"
                 "# 1160000070\\.000000 end of the capture, 0 pinholes open\n"));
}

TEST(NftReport, KeepsAFileNameInItsComment) {
    std::string out;
    NftReport report(out);
    report.begin_capture("a\nflush ruleset");
    EXPECT_EQ(out, "# a\\x0Aflush ruleset\n");
}

}  // namespace
}  // namespace messenger::daemon
