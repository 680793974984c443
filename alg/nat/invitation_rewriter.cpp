// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/invitation_rewriter.h"

#include <optional>

#include "alg/base/base64.h"
#include "alg/base/text.h"
#include "alg/nat/lookup.h"
#include "alg/sdp/invitation.h"
#include "alg/sdp/lines.h"
#include "alg/sip/fields.h"

namespace messenger::alg {

namespace {

/// The values of all lines of that name: the parser lets one be repeated.
template <class Replace>
void for_each_value(std::string_view text, std::string_view name, Replace&& replace) {
    LineReader lines(text);
    std::string_view line;
    while (lines.next(line)) {
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || !equals_ignoring_case(line.substr(0, colon), name)) continue;
        const std::string_view value = trim(line.substr(colon + 1));
        if (!value.empty()) replace(value);
    }
}

}  // namespace

bool rewrite_invitation(std::string_view text, const Translation& translation, EditList& edits) {
    const auto invitation = parse_invitation(text);
    if (!invitation) return false;
    if (!invitation->address) return true;
    const auto& [address, address_text] = *invitation->address;
    std::optional<IpAddress> to;
    if (invitation->port) {
        const auto endpoint = look_up(translation, Transport::tcp, address_text, {address, invitation->port->port});
        if (!endpoint || endpoint->port == 0) return true;
        to = endpoint->address;
        for_each_value(text, "Port", [&](std::string_view value) { edits.replace_number(value, endpoint->port); });
    } else {
        to = look_up(translation, address_text, address);
    }
    if (to) {
        for_each_value(text, "IP-Address", [&](std::string_view value) { edits.replace(value, to->to_string()); });
    }
    return true;
}

bool InvitationHeaderRewriter::rewrite(std::string_view value, const Translation& translation, EditList& edits) {
    const auto type = parse_content_type(value);
    if (!type || !type->is_invitation()) return true;
    const auto encoded = find_parameter(type->parameters, "ms-body");
    if (!encoded) return false;
    const auto text = decode_base64(*encoded, decoded_);
    if (!text) return false;
    inner_.begin(*text);
    if (!rewrite_invitation(*text, translation, inner_)) return false;
    if (inner_.empty() || inner_.spoilt()) return !inner_.spoilt();
    inner_.apply(edited_);
    encode_base64(edited_, encoded->size() % 4 == 0, encoded_);
    edits.replace(*encoded, encoded_);
    return true;
}

}  // namespace messenger::alg
