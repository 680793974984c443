// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/error.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace messenger::nft {
namespace {

TEST(NftError, SaysWhatWasAttemptedAndWhatItMeans) {
    NftError error = system_error(ENFILE, "add element inet messenger_alg pinholes4 { ... }");
    error.index = 3;
    EXPECT_EQ(error.message(),
              "add element inet messenger_alg pinholes4 { ... } (operation 3): the set is full (Too many open files in "
              "system)");
    EXPECT_EQ(system_error(EPERM, "open").message(), "open: CAP_NET_ADMIN is missing (Operation not permitted)");
}

TEST(NftError, FollowsFromErrno) {
    EXPECT_EQ(system_error(ENFILE, "").failure, Failure::set_full);
    EXPECT_EQ(system_error(EPERM, "").failure, Failure::not_permitted);
    EXPECT_EQ(system_error(EOPNOTSUPP, "").failure, Failure::not_supported);
    EXPECT_EQ(system_error(ETIMEDOUT, "").failure, Failure::timed_out);
    EXPECT_EQ(system_error(ENOBUFS, "").failure, Failure::replies_lost);
    EXPECT_EQ(system_error(ENOENT, "").failure, Failure::refused);  // what is missing, only the caller knows
    EXPECT_EQ(system_error(EINVAL, "").code, EINVAL);
}

}  // namespace
}  // namespace messenger::nft
