// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

#include "alg/base/expected.h"

namespace messenger::alg {

/// One part of a MIME body. Views into the body.
struct BodyPart {
    std::string_view content_type;  ///< empty without one
    std::string_view disposition;   ///< Content-Disposition; empty without one
    /// Content-Length, Content-Encoding and Content-Transfer-Encoding; empty without one. MIME has no use for the first
    /// two in a part, but some senders write them.
    std::string_view content_length;
    std::string_view content_encoding;
    std::string_view transfer_encoding;
    std::string_view content;
};

/// Walks the parts of a multipart body (RFC 2046 section 5.1), without recursion: a part that is a multipart itself is
/// one part. body: borrowed. Construct with the boundary parameter of the Content-Type.
class MultipartReader {
   public:
    MultipartReader(std::string_view body, std::string_view boundary);

    /// The next part; false at the end. Line ends may be LF alone; what stands before the first and behind the closing
    /// delimiter is left out.
    ///
    /// Error: bad_multipart (no or an impossible boundary, no delimiter, no closing delimiter). An error stays.
    [[nodiscard]] Expected<bool> next(BodyPart& part);

   private:
    enum class State : std::uint8_t { preamble, parts, end, broken };

    std::string_view rest_;  ///< in parts: from the first byte behind a delimiter line
    std::string_view boundary_;
    State state_ = State::preamble;
};

}  // namespace messenger::alg
