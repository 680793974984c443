// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "alg/sip/message.h"

namespace messenger::alg {

// Live Communications Server and its clients agree on compressing a connection before anything else is said on it:
// NEGOTIATE with a Compression header, answered with 2xx and that header again. What follows is no text.

/// Whether the bytes behind this message are compressed, both ways: the answer that says yes.
[[nodiscard]] bool begins_compression(const SipMessageView& message);

/// Says how to make the other side decline: every method of compression that a NEGOTIATE request offers becomes a word
/// that names none, of the same length, so that neither Content-Length nor TCP sequence numbers change. Calls
/// replace(method, word) for each; method lies in the message, word lives for this call. Responses are left alone.
template <class Replace>
void decline_compression(const SipMessageView& message, Replace&& replace);

/// The next name of a method in the value of a Compression header; moves rest behind it. Empty at the end.
[[nodiscard]] std::string_view next_compression_method(std::string_view& rest);
/// A word of that length, at most kLongestWord, that names no method and is not method itself.
inline constexpr std::size_t kLongestWord = 64;
using CompressionWord = std::array<char, kLongestWord>;
[[nodiscard]] std::string_view unknown_method(std::string_view method, CompressionWord& word);

template <class Replace>
void decline_compression(const SipMessageView& message, Replace&& replace) {
    if (!message.is_request() || message.method() != Method::negotiate) return;
    CompressionWord word{};
    for (const HeaderLine& line : message.lines()) {
        if (line.id != HeaderId::compression) continue;
        std::string_view rest = message.value_of(line);
        for (auto method = next_compression_method(rest); !method.empty(); method = next_compression_method(rest)) {
            replace(method, unknown_method(method, word));
        }
    }
}

}  // namespace messenger::alg
