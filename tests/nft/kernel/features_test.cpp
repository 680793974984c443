// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/features.h"

#include <array>
#include <thread>

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/nft/kernel/lab.h"

namespace messenger::nft::testing {
namespace {

using FeaturesTest = KernelTest;

TEST_F(FeaturesTest, FindsAWayToQueueAndLeavesNothingBehind) {
    auto features = probe_features();
    ASSERT_TRUE(ok(features));
    EXPECT_TRUE(features->queue_kind()) << features->to_string();
    EXPECT_TRUE(features->conntrack_create) << features->to_string();
    EXPECT_EQ(run_command("nft list ruleset"), "");
    EXPECT_EQ(run_command("conntrack -L 2>/dev/null"), "");
    printf("%s\n", features->to_string().c_str());
}

// What nft itself gets through must be what the probe says.
TEST_F(FeaturesTest, AgreesWithNftAboutTheNativeQueue) {
    auto features = probe_features();
    ASSERT_TRUE(ok(features));
    const std::string tried =
        run_command("nft 'table inet t { chain c { queue flags bypass to 1; }; }' >/dev/null && echo yes || echo no");
    EXPECT_EQ(features->native_queue, tried.find("yes") != std::string::npos) << tried;
}

TEST_F(FeaturesTest, TellsWhetherAddingAgainChangesTheTimeout) {
    auto features = probe_features();
    ASSERT_TRUE(ok(features));
    run_nft(
        "table inet t { set s { type ipv4_addr; flags timeout; }; }\n"
        "add element inet t s { 192.0.2.1 timeout 100s }");
    run_nft("add element inet t s { 192.0.2.1 timeout 200s }");
    const std::string set = run_command("nft list set inet t s");
    EXPECT_EQ(features->timeout_update, set.find("timeout 3m20s") != std::string::npos) << set;
}

// Capabilities belong to the thread, so one that gives them up leaves the test itself as it is.
TEST_F(FeaturesTest, SaysThatTheCapabilityIsMissing) {
    std::thread([] {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
        ASSERT_EQ(syscall(SYS_capset, &header, none.data()), 0);
        auto features = probe_features();
        ASSERT_FALSE(features);
        EXPECT_EQ(features.error().failure, Failure::not_permitted) << features.error().message();
    }).join();
}

}  // namespace
}  // namespace messenger::nft::testing
