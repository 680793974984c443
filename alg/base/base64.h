// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "alg/base/expected.h"

namespace messenger::alg {

/// Decodes base64 (RFC 4648 section 4) into out and returns the part of out that was filled. The padding may be
/// missing, as Office Communicator leaves it away in places; half of it, blanks, line ends, other characters and stray
/// bits in the last character are errors, because decoders differ about them. Errors: bad_base64; too_large when out is
/// too small, which is known before anything is written.
[[nodiscard]] Expected<std::string_view> decode_base64(std::string_view text, std::span<char> out);

/// Encodes text into out (cleared first), with or without padding.
void encode_base64(std::string_view text, bool padded, std::string& out);

}  // namespace messenger::alg
