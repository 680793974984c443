// SPDX-License-Identifier: GPL-2.0-or-later
#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/control/control_socket.h"
#include "tests/daemon/support/in_child.h"

namespace messenger::daemon {
namespace {

constexpr gid_t kGroup = 4711;
constexpr uid_t kUser = 65533;

struct Row {
    const char* name;
    uid_t user;
    gid_t first_group;
    std::vector<gid_t> other_groups;
    bool allowed;
};

/// Makes a socket pair as somebody else, whose credentials it then carries, and asks as root.
[[nodiscard]] bool is_allowed_as(const Row& row) {
    const int status = run_in_child([&] {
        if (::setgroups(row.other_groups.size(), row.other_groups.data()) != 0) return 2;
        if (::setegid(row.first_group) != 0 || ::seteuid(row.user) != 0) return 3;
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return 4;
        if (::seteuid(0) != 0) return 5;
        return is_allowed_peer(ends[0], kGroup) ? 0 : 1;
    });
    EXPECT_TRUE(exited_with(status, 0) || exited_with(status, 1)) << row.name << ' ' << status;
    return exited_with(status, 0);
}

TEST(ControlPeerRoot, MayBeRootOrOfTheGroup) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
    std::vector<gid_t> many;
    for (gid_t group = 10'000; group < 10'100; ++group) many.push_back(group);
    std::vector<gid_t> many_with = many;
    many_with.push_back(kGroup);
    for (const Row& row :
         {Row{"root", 0, 0, {}, true}, Row{"stranger", kUser, kUser, {}, false},
          Row{"first group", kUser, kGroup, {}, true}, Row{"other group", kUser, kUser, {1, kGroup, 5000}, true},
          Row{"many other groups", kUser, kUser, many_with, true}, Row{"many wrong groups", kUser, kUser, many, false},
          Row{"group of root", kUser, 0, {0}, false}}) {
        EXPECT_EQ(is_allowed_as(row), row.allowed) << row.name;
    }
}

TEST(ControlPeerRoot, NeedsMoreThanAnyGroupWhenNoneIsNamed) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
    const int status = run_in_child([] {
        if (::setegid(kGroup) != 0 || ::seteuid(kUser) != 0) return 2;
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return 3;
        if (::seteuid(0) != 0) return 4;
        return is_allowed_peer(ends[0], std::nullopt) ? 1 : 0;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

}  // namespace
}  // namespace messenger::daemon
