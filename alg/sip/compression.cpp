// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/compression.h"

#include <algorithm>

#include "alg/base/text.h"
#include "alg/sip/fields.h"
#include "alg/sip/token.h"

namespace messenger::alg {

bool begins_compression(const SipMessageView& message) {
    const bool agreed = message.status() >= 200 && message.status() < 300;
    return agreed && message.method() == Method::negotiate && !message.value(HeaderId::compression).empty();
}

std::string_view next_compression_method(std::string_view& rest) {
    while (!rest.empty()) {
        const std::string_view value = next_list_value(rest);
        // Behind the name there may be parameters; where no name can be read there is nothing to decline. A name as
        // long as no method has one is left: cut in two it could name one.
        const std::string_view method = value.substr(0, token_length(value));
        if (!method.empty() && method.size() <= kLongestWord) return method;
    }
    return {};
}

std::string_view unknown_method(std::string_view method, CompressionWord& word) {
    const std::string_view unknown(word.data(), std::min(method.size(), word.size()));
    for (const char letter : {'x', 'z'}) {
        std::fill_n(word.begin(), unknown.size(), letter);
        if (!equals_ignoring_case(unknown, method)) break;
    }
    return unknown;
}

}  // namespace messenger::alg
