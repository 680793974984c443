// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/base/base64.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/exact_bytes.h"

namespace messenger::alg {
namespace {

Expected<std::string> decode(std::string_view text, std::size_t room) {
    const test::ExactBytes in(text);
    std::vector<char> out(room);
    const auto decoded = decode_base64(in.text(), out);
    if (!decoded) return decoded.error();
    return std::string(*decoded);
}

TEST(Base64, DecodesTheExamplesOfTheRfc) {
    struct Row {
        std::string_view text;
        std::string_view bytes;
    };
    for (const Row& row :
         {Row{"", ""}, Row{"Zg==", "f"}, Row{"Zm8=", "fo"}, Row{"Zm9v", "foo"}, Row{"Zm9vYg==", "foob"},
          Row{"Zm9vYmE=", "fooba"}, Row{"Zm9vYmFy", "foobar"}, Row{"+/+/", "\xfb\xff\xbf"}}) {
        const auto decoded = decode(row.text, row.bytes.size());
        ASSERT_TRUE(decoded) << row.text;
        EXPECT_EQ(*decoded, row.bytes) << row.text;
    }
}

TEST(Base64, EncodesTheExamplesOfTheRfc) {
    struct Row {
        std::string_view bytes;
        std::string_view text;
    };
    for (const Row& row :
         {Row{"", ""}, Row{"f", "Zg=="}, Row{"fo", "Zm8="}, Row{"foo", "Zm9v"}, Row{"foob", "Zm9vYg=="},
          Row{"fooba", "Zm9vYmE="}, Row{"foobar", "Zm9vYmFy"}, Row{"\xfb\xff\xbf", "+/+/"}}) {
        std::string text = "what was there before";
        encode_base64(row.bytes, true, text);
        EXPECT_EQ(text, row.text);
        encode_base64(row.bytes, false, text);
        EXPECT_EQ(text, row.text.substr(0, row.text.find('='))) << row.text;
    }
}

TEST(Base64, TakesTextWithoutPadding) {
    EXPECT_EQ(*decode("Zg", 1), "f");
    EXPECT_EQ(*decode("Zm8", 2), "fo");
    EXPECT_EQ(*decode("Zm9vYg", 4), "foob");
}

TEST(Base64, RefusesWhatDecodersReadDifferently) {
    for (const std::string_view text : {"Z", "Zg=", "Zg===", "=", "==", "====", "Zm9v=", "Zm9v====", "Zm9vY",
                                        "Z g==", "Zm9v\r\n", "Zm=v", "Zh==", "Zm9=", "Zm9-", "Zm9_", "Zm9\x80"}) {
        const auto decoded = decode(text, 16);
        ASSERT_FALSE(decoded) << text;
        EXPECT_EQ(decoded.error(), Error::bad_base64) << text;
    }
}

TEST(Base64, WritesNothingWhenTheBufferIsOneByteTooSmall) {
    const auto decoded = decode("Zm9vYmFy", 5);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error(), Error::too_large);
    std::vector<char> out(1, 'x');
    EXPECT_FALSE(decode_base64("Zm8=", out));
    EXPECT_EQ(out[0], 'x');
}

}  // namespace
}  // namespace messenger::alg
