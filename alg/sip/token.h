// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <string_view>

#include "alg/base/byte_search.h"

namespace messenger::alg {

/// The characters of a token (RFC 3261 section 25.1), by their unsigned value.
inline constexpr std::array<bool, 256> kTokenCharacters = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view("-.!%*_+`'~0123456789")) table[static_cast<unsigned char>(c)] = true;
    for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
    for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
    return table;
}();

[[nodiscard]] constexpr bool is_token_char(char c) {
    return kTokenCharacters[static_cast<unsigned char>(c)];
}

/// How many bytes from the beginning of text are token characters.
[[nodiscard]] constexpr std::size_t token_length(std::string_view text) {
    std::size_t length = 0;
    while (length < text.size() && is_token_char(text[length])) ++length;
    return length;
}

[[nodiscard]] constexpr bool is_token(std::string_view text) {
    return !text.empty() && token_length(text) == text.size();
}

/// Where the token ends that begins at text[from]: from without one, `to` at most. Looks at several bytes at once, for
/// most tokens are words.
[[nodiscard]] inline std::size_t find_token_end(std::string_view text, std::size_t from, std::size_t to) {
    std::size_t at = from;
    if (text.size() - from >= kSearchStep) {
        at += static_cast<unsigned>(std::countr_one(find_word_bytes<kSearchStep>(text.data() + from)));
    }
    while (at < to && is_token_char(text[at])) ++at;
    return std::min(at, to);
}

}  // namespace messenger::alg
