// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>

#include "alg/base/error.h"
#include "alg/base/text.h"
#include "alg/limits.h"
#include "alg/sdp/sdp.h"
#include "alg/sip/fields.h"
#include "alg/sip/message.h"
#include "alg/sip/multipart.h"

namespace messenger::alg {

/// Finds the session descriptions of a message: its body, or every application/sdp part of a multipart body, one level
/// of multipart in a multipart included (OC 2007 R2 sends two alternatives, SIP-I puts ISUP beside the SDP).
class SessionBodies {
   public:
    /// Calls found(sdp) for each description that can be read; sdp lives until the next one. Returns the first thing
    /// that could not be understood; what came before it has been reported. A body of another type is not an error.
    template <class Found>
    [[nodiscard]] std::optional<Error> read(const SipMessageView& message, const Limits& limits, Found&& found) {
        if (message.body().empty()) return std::nullopt;
        if (!message.value(HeaderId::content_encoding).empty()) return std::nullopt;  // we do not unpack
        return read_part(message.content_type(), message.body(), limits, found, kNesting);
    }

   private:
    static constexpr int kNesting = 2;

    template <class Found>
    std::optional<Error> read_part(std::string_view type_text, std::string_view body, const Limits& limits,
                                   Found& found, int nesting) {
        const auto type = parse_content_type(type_text);
        if (!type) return std::nullopt;
        if (type->is("application", "sdp")) {
            if (const auto parsed = sdp_.parse(body, limits); !parsed) return parsed.error();
            found(sdp_);
            return std::nullopt;
        }
        if (!equals_ignoring_case(type->type, "multipart") || nesting == 0) return std::nullopt;
        const auto boundary = find_parameter(type->parameters, "boundary");
        if (!boundary) return Error::bad_multipart;
        MultipartReader reader(body, *boundary);
        BodyPart part;
        while (true) {
            const auto more = reader.next(part);
            if (!more) return more.error();
            if (!*more) return std::nullopt;
            if (const auto error = read_part(part.content_type, part.content, limits, found, nesting - 1)) return error;
        }
    }

    SdpView sdp_;  ///< kept: it is large
};

}  // namespace messenger::alg
