// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace messenger::daemon {

/// Little-endian UTF-16 as UTF-8. A half surrogate pair becomes U+FFFD: Windows does not forbid it in names, and no
/// name that we look for has one. bytes: an even number of them.
[[nodiscard]] std::string utf16_to_utf8(std::string_view bytes);

/// UTF-8 as little-endian UTF-16, without a byte order mark. text: as we make it ourselves, ASCII.
[[nodiscard]] std::string ascii_to_utf16(std::string_view text);

/// The text of a .reg file, by its byte order mark: UTF-16LE, or bytes as they are (UTF-8, or the ANSI of REGEDIT4,
/// whose letters above 127 occur in no name that we look for).
struct RegText {
    std::string text;
    std::string problem;     ///< not empty: why it is none
    std::size_t offset = 0;  ///< the byte that shows it
};
[[nodiscard]] RegText decode_reg_text(std::string_view bytes);

}  // namespace messenger::daemon
