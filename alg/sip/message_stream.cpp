// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/message_stream.h"

#include <algorithm>

namespace messenger::alg {

/// Moves bytes to the message at hand, and none that belong to the next one: with its length known just what is
/// missing, before that up to the next line end, which is the earliest that its head can be complete at.
void MessageStream::gather(std::string_view& bytes, const Limits& limits) {
    std::size_t count = bytes.size();
    if (wanted_ > 0) {
        count = std::min(count, wanted_ - partial_.size());
    } else {
        const std::size_t line_end = bytes.find('\n');
        if (line_end != std::string_view::npos) count = line_end + 1;
        count = std::min(count, limits.head_bytes);
    }
    partial_.insert(partial_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes.remove_prefix(count);
}

/// Nothing is complete: copies what is left from there on.
void MessageStream::keep(std::string_view& bytes, std::size_t from) {
    partial_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end());
    scanned_ -= std::min(scanned_, from);
    bytes = {};
}

/// Keep-alives before a message must not pile up.
void MessageStream::drop_front(std::size_t count) {
    partial_.erase(partial_.begin(), partial_.begin() + static_cast<std::ptrdiff_t>(count));
    scanned_ -= std::min(scanned_, count);
}

OpaqueReason MessageStream::reason_of(Error error) {
    switch (error) {
        case Error::bad_content_length: return OpaqueReason::bad_framing;
        case Error::too_large: return OpaqueReason::too_large;
        default: return OpaqueReason::not_sip;
    }
}

}  // namespace messenger::alg
