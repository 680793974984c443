// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/user_data.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <libnftnl/udata.h>

namespace messenger::nft {
namespace {

constexpr std::uint8_t kComment = NFTNL_UDATA_TABLE_COMMENT;

std::string comment_in(std::string_view user_data) {
    const auto bytes = std::as_bytes(std::span(user_data));
    // A block of exactly this size, so that the address sanitizer sees one byte too far.
    const std::vector<std::byte> exact(bytes.begin(), bytes.end());
    return std::string(find_user_text(exact, kComment));
}

TEST(UserData, FindsATextAmongOtherAttributes) {
    EXPECT_EQ(comment_in({"\0\3hi\0", 5}), "hi");
    EXPECT_EQ(comment_in({"\7\1x\0\3hi\0", 8}), "hi");
    EXPECT_EQ(comment_in({"\7\1x", 3}), "");
    EXPECT_EQ(comment_in({"\0\0", 2}), "");
}

TEST(UserData, ATextMayLackItsNul) {
    EXPECT_EQ(comment_in({"\0\2hi", 4}), "hi");
}

TEST(UserData, NothingIsReadBehindTheEnd) {
    EXPECT_EQ(comment_in({"\0\3hi", 4}), "");
    EXPECT_EQ(comment_in({"\0\3hi\0\0", 6}), "");
    EXPECT_EQ(comment_in({"\0\377hi", 4}), "");
    EXPECT_EQ(comment_in({"\0", 1}), "");
    EXPECT_EQ(comment_in({"\0\3hi\0\0\4h", 8}), "");
}

}  // namespace
}  // namespace messenger::nft
