// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "alg/base/text.h"

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

}  // namespace messenger::alg
