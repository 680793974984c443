// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "alg/base/text.h"

namespace messenger::alg {

/// The value of a Content-Length header (RFC 3261 section 20.14), trimmed: digits and nothing else, below 2^31.
[[nodiscard]] constexpr std::optional<std::uint32_t> parse_content_length(std::string_view value) {
    return parse_number(value, INT32_MAX);
}

}  // namespace messenger::alg
