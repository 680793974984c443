// SPDX-License-Identifier: GPL-2.0-or-later
#include <cap-ng.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "daemon/process/privileges.h"
#include "tests/daemon/support/in_child.h"

namespace messenger::daemon {
namespace {

/// A line of /proc/self/status, such as "CapEff".
[[nodiscard]] unsigned long long status_set(const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word != name + ':') continue;
        std::string value;
        status >> value;
        return std::stoull(value, nullptr, 16);
    }
    return ~0ULL;
}

TEST(CapabilitiesRoot, KeepsCapNetAdminAndNothingElse) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have capabilities to give up";
    const int status = run_in_child([] {
        keep_only_net_admin();
        constexpr unsigned long long kOnly = 1ULL << 12U;  // CAP_NET_ADMIN
        if (status_set("CapEff") != kOnly) return 1;
        if (status_set("CapPrm") != kOnly) return 2;
        if (status_set("CapInh") != 0) return 3;
        if (status_set("CapBnd") != 0) return 4;
        if (status_set("CapAmb") != 0) return 5;
        if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 6;
        return 0;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

TEST(CapabilitiesRoot, KeepsNothingWhenItIsDoneWithTheKernel) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have capabilities to give up";
    const int status = run_in_child([] {
        keep_no_capability();
        for (const char* set : {"CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"}) {
            if (status_set(set) != 0) return 1;
        }
        if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 2;
        return 0;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

TEST(CapabilitiesRoot, StaysWithoutThemInAProgramThatItRuns) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have capabilities to give up";
    const int status = run_in_child([] {
        keep_only_net_admin();
        return ::execl("/bin/sh", "sh", "-c", "grep -q '^CapEff:[[:space:]]*0000000000000000$' /proc/self/status",
                       nullptr);
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

TEST(CapabilitiesRoot, SaysWhenThereIsNothingToKeep) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have capabilities to give up";
    const int status = run_in_child([] {
        keep_only_net_admin();
        if (::prctl(PR_CAPBSET_READ, CAP_NET_ADMIN, 0, 0, 0) != 0) return 1;
        keep_only_net_admin();  // again, as a unit that grants CAP_NET_ADMIN alone has it
        capng_clear(CAPNG_SELECT_CAPS);
        if (capng_apply(CAPNG_SELECT_CAPS) != 0) return 2;
        try {
            keep_only_net_admin();
        } catch (const std::runtime_error&) {
            return 0;
        }
        return 3;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

}  // namespace
}  // namespace messenger::daemon
