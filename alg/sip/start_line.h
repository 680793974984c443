// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace messenger::alg {

/// A Request-Line or a Status-Line (RFC 3261 sections 7.1 and 7.2). Views into the text it was read from.
struct StartLine {
    std::string_view method;       ///< empty in a Status-Line
    std::string_view request_uri;  ///< any bytes but blanks and controls; empty in a Status-Line
    std::string_view reason;       ///< may be empty
    std::uint16_t status = 0;      ///< 100-699; 0 in a Request-Line
    std::size_t length = 0;        ///< in bytes, line end included
};

enum class StartLineMatch : std::uint8_t {
    impossible,  ///< no start line begins like this
    incomplete,  ///< all of text could be the beginning of one
    complete,    ///< line is filled in
};

/// The longest method that we take for one; it bounds what binary noise can pass for. RFC 4475 section 3.1.1.2 has a
/// valid one of 43 bytes, nothing registered comes near.
inline constexpr std::size_t kMaxMethodBytes = 64;

/// Reads the start line at the beginning of text. One space between the three parts and none at the end: a sender that
/// is read differently by two receivers is not worth following. "SIP/2.0" in any case; LF alone ends the line as well.
/// checked: how many bytes of text an earlier call has found incomplete (0 otherwise); they are not looked at again.
[[nodiscard]] StartLineMatch match_start_line(std::string_view text, std::size_t checked, StartLine& line);

/// Length of the CR LF and LF before a start line (RFC 3261 section 7.5). A CR whose LF is yet to come does not count.
[[nodiscard]] std::size_t leading_line_ends(std::string_view text);

}  // namespace messenger::alg
