// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace messenger::alg {

// ASCII only and without a locale: SIP tokens are ASCII, and what lies above is opaque to us.

[[nodiscard]] constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Space or tab. A folded header line also has CR LF in its white space; see is_lws.
[[nodiscard]] constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/// White space inside a header value, which may be folded over lines (RFC 3261 section 7.3.1).
[[nodiscard]] constexpr bool is_lws(char c) {
    // One comparison for all that is written, which is nearly always the answer.
    return static_cast<unsigned char>(c) <= ' ' && (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

[[nodiscard]] constexpr bool equals_ignoring_case(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i) {
        if (to_lower(left[i]) != to_lower(right[i])) return false;
    }
    return true;
}

[[nodiscard]] constexpr bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() && equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

/// The same for a literal that most senders write just so. That comparison is a few machine words, because its length
/// is a constant.
[[gnu::always_inline]] [[nodiscard]] constexpr bool equals_literal(std::string_view text, std::string_view literal) {
    return text == literal || equals_ignoring_case(text, literal);
}

[[gnu::always_inline]] [[nodiscard]] constexpr bool starts_with_literal(std::string_view text,
                                                                        std::string_view literal) {
    return text.size() >= literal.size() && equals_literal({text.data(), literal.size()}, literal);
}

/// Without white space, folds included, at both ends.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && is_lws(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_lws(text.back())) text.remove_suffix(1);
    return text;
}

/// The whole text as a decimal number without sign or blanks, at most limit. Absent otherwise: no wrap, no saturation.
[[nodiscard]] constexpr std::optional<std::uint32_t> parse_number(std::string_view text,
                                                                  std::uint32_t limit = UINT32_MAX) {
    if (text.empty()) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
        if (!is_digit(c)) return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
        if (value > limit) return std::nullopt;
    }
    return static_cast<std::uint32_t>(value);
}

}  // namespace messenger::alg
