// SPDX-License-Identifier: GPL-2.0-or-later
// The first line is the boundary, the rest the body. Parts lie inside the body, in order, and come to an end.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "alg/sip/multipart.h"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t line = std::min(text.find('\n'), text.size());
    const std::string_view boundary = text.substr(0, line);
    const std::string_view body = text.substr(std::min(line + 1, text.size()));
    messenger::alg::MultipartReader reader(body, boundary);
    messenger::alg::BodyPart part;
    const char* at = body.data();
    for (std::size_t parts = 0;; ++parts) {
        const auto more = reader.next(part);
        if (!more) {
            require(!reader.next(part));
            return 0;
        }
        if (!*more) {
            const auto again = reader.next(part);
            require(again.has_value() && !*again);
            return 0;
        }
        require(parts < body.size());
        for (const std::string_view header : {part.content_type, part.disposition}) {
            if (header.empty()) continue;
            require(header.data() >= at && header.data() + header.size() <= body.data() + body.size());
        }
        if (part.content.empty()) continue;
        require(part.content.data() >= at && part.content.data() + part.content.size() <= body.data() + body.size());
        at = part.content.data() + part.content.size();
    }
}
