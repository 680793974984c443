// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "alg/base/expected.h"
#include "alg/limits.h"

namespace messenger::alg {

/// What the beginning of a TCP stream, or of what is left of it, holds (RFC 3261 sections 7.5 and 18.3).
struct Frame {
    enum class State : std::uint8_t {
        need_more,  ///< not yet a whole head; nothing contradicts SIP so far
        head,       ///< the head is complete: head_bytes and body_bytes are known
    };
    State state = State::need_more;
    std::size_t skip = 0;        ///< CR LF before the start line (keep-alives), in bytes; counted in need_more too
    std::size_t head_bytes = 0;  ///< from the start line through the empty line
    std::size_t body_bytes = 0;  ///< Content-Length; it may be more than the stream holds yet
};

/// Looks for one message at the beginning of stream (borrowed for this call). Decides "not SIP" with the first byte
/// that no start line can have there, so that other protocols are let go at once: a method token, a blank, a
/// Request-URI and "SIP/2.0", or "SIP/2.0" and a status code. Lone LF line ends are taken as line ends.
///
/// scanned: bytes of stream that earlier calls have looked at without finding the end of the head (0 at first); it is
/// brought up to date, so that a head in a thousand segments is not scanned a thousand times. A caller that cuts skip
/// off the stream takes as much off scanned.
///
/// Errors: not_sip; too_large (head above Limits::head_bytes); bad_content_length (not a number, above 2^31 - 1,
/// several that differ, or missing while there is a Content-Type: then nobody can know where the next message begins).
[[nodiscard]] Expected<Frame> find_frame(std::string_view stream, const Limits& limits, std::size_t& scanned);

/// Whether text could be the beginning of a SIP start line, or is one: the test that find_frame makes behind the line
/// ends that may come before it. An empty text could be. Cheap enough for every packet of a capture.
[[nodiscard]] bool may_begin_message(std::string_view text);

/// Whether text begins with a whole SIP start line, line end included. What a stream may be taken up at.
[[nodiscard]] bool begins_with_start_line(std::string_view text);

}  // namespace messenger::alg
