// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>

#include "alg/base/text.h"
#include "alg/sip/message.h"

// What header_id does, where the compiler must see it: it is asked for every line of every message.
namespace messenger::alg::header_names {

/// The whole name is compared, never a part or a hash of it: a crafted name must not pass for another.
[[gnu::always_inline]] inline HeaderId if_is(std::string_view name, std::string_view canonical, HeaderId id) {
    return equals_literal(name, canonical) ? id : HeaderId::other;
}

/// RFC 3261 section 7.3.3; x is RFC 4028's, r RFC 3515's.
[[gnu::always_inline]] inline HeaderId compact_header_id(char letter) {
    switch (to_lower(letter)) {
        case 'c': return HeaderId::content_type;
        case 'e': return HeaderId::content_encoding;
        case 'f': return HeaderId::from;
        case 'i': return HeaderId::call_id;
        case 'k': return HeaderId::supported;
        case 'l': return HeaderId::content_length;
        case 'm': return HeaderId::contact;
        case 'r': return HeaderId::refer_to;
        case 't': return HeaderId::to;
        case 'v': return HeaderId::via;
        case 'x': return HeaderId::session_expires;
        default: return HeaderId::other;
    }
}

[[gnu::always_inline]] inline HeaderId four_letter_id(std::string_view name) {
    switch (to_lower(name.front())) {
        case 'f': return if_is(name, "From", HeaderId::from);
        case 'c': return if_is(name, "CSeq", HeaderId::cseq);
        case 'r': return equals_literal(name, "RSeq") ? HeaderId::rseq : if_is(name, "RAck", HeaderId::rack);
        default: return HeaderId::other;
    }
}

[[gnu::always_inline]] inline HeaderId seven_letter_id(std::string_view name) {
    switch (to_lower(name.front())) {
        case 'c':
            return equals_literal(name, "Contact") ? HeaderId::contact : if_is(name, "Call-ID", HeaderId::call_id);
        case 'e': return if_is(name, "Expires", HeaderId::expires);
        case 'r': return if_is(name, "Require", HeaderId::require);
        default: return HeaderId::other;
    }
}

[[gnu::always_inline]] inline HeaderId twelve_letter_id(std::string_view name) {
    switch (to_lower(name.front())) {
        case 'c': return if_is(name, "Content-Type", HeaderId::content_type);
        case 'm': return if_is(name, "Max-Forwards", HeaderId::max_forwards);
        case 'r': return if_is(name, "Record-Route", HeaderId::record_route);
        default: return HeaderId::other;
    }
}

[[gnu::always_inline]] inline HeaderId find(std::string_view name) {
    switch (name.size()) {
        case 1: return compact_header_id(name.front());
        case 2: return if_is(name, "To", HeaderId::to);
        case 3: return if_is(name, "Via", HeaderId::via);
        case 4: return four_letter_id(name);
        case 5: return if_is(name, "Route", HeaderId::route);
        case 7: return seven_letter_id(name);
        case 8: return if_is(name, "Refer-To", HeaderId::refer_to);
        case 9: return if_is(name, "Supported", HeaderId::supported);
        case 10: return if_is(name, "User-Agent", HeaderId::user_agent);
        case 11: return if_is(name, "Compression", HeaderId::compression);
        case 12: return twelve_letter_id(name);
        case 14:
            return equals_literal(name, "Content-Length") ? HeaderId::content_length
                                                          : if_is(name, "ms-text-format", HeaderId::ms_text_format);
        case 15: return if_is(name, "Session-Expires", HeaderId::session_expires);
        case 16: return if_is(name, "Content-Encoding", HeaderId::content_encoding);
        case 19: return if_is(name, "Content-Disposition", HeaderId::content_disposition);
        default: return HeaderId::other;
    }
}

}  // namespace messenger::alg::header_names
