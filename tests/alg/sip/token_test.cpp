// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/token.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/alg/sip/exact_copy.h"

namespace messenger::alg {
namespace {

TEST(Token, EndsWhereItsCharactersEndHoweverManyAreLookedAtAtOnce) {
    for (unsigned value = 0; value < 256; ++value) {
        const char c = static_cast<char>(value);
        for (std::size_t size = 1; size < 40; ++size) {
            std::string text = "x.y-Z_0123456789abcdefghijklmnopqrstuvwxyz!";
            text.resize(size);
            text[size / 2] = c;
            const ExactCopy copy(text);
            for (const std::size_t from : {std::size_t{0}, size / 3, size}) {
                for (const std::size_t to : {from, std::min(from + 3, size), size}) {
                    const std::size_t expected = from + token_length(copy.view().substr(from, to - from));
                    EXPECT_EQ(find_token_end(copy.view(), from, to), expected) << value << ' ' << size;
                }
            }
        }
    }
}

}  // namespace
}  // namespace messenger::alg
