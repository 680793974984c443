// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/reloadable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kOfficeNetwork = "[network]\ninside = [\"10.0.0.0/8\"]\n";

[[nodiscard]] Config read(std::string_view more) {
    auto result = parse_config(std::string(kOfficeNetwork) + std::string(more));
    EXPECT_TRUE(result.config);
    return result.config.value_or(Config{});
}

TEST(Reloadable, NamesTheKeysThatWaitForARestart) {
    Config running = read("");
    const Config changed = read(
        "protected_ports = [8080]\n[sip]\nports = [5070]\nearly_media = \"offer\"\n[policy]\nfixed_ranges = \"off\"\n"
        "[log]\nlevel = \"debug\"\n[nat]\ninterfaces = [\"wan0\"]\nhold_bytes = 4096\n");
    take_reloadable(changed, running);
    EXPECT_THAT(differing_keys(running, changed), ElementsAre("sip.ports", "nat.interfaces", "nat.hold_bytes"));
    EXPECT_EQ(running.log.level, LogLevel::debug);
    EXPECT_EQ(running.policy.fixed_ranges, alg::FixedRanges::off);
    // The second time is no other: what holds is still what the daemon was started with.
    take_reloadable(changed, running);
    EXPECT_EQ(differing_keys(running, changed).size(), 3U);
    EXPECT_THAT(differing_keys(running, read("")),
                ElementsAre("network.protected_ports", "sip.early_media", "policy.fixed_ranges", "log.level"));
}

TEST(Reloadable, LeavesWhatAStartBeginsWithToAStart) {
    Config running = read("");
    const Config changed = read("[policy]\nobserve = true\n");
    take_reloadable(changed, running);
    EXPECT_FALSE(running.policy.observe);
    EXPECT_THAT(differing_keys(running, changed), ElementsAre("policy.observe"));
    EXPECT_THAT(differing_keys(running, read("")), IsEmpty());
}

}  // namespace
}  // namespace messenger::daemon
