// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/message_rewriter.h"

#include <algorithm>

#include "alg/base/text.h"
#include "alg/nat/header_rewriter.h"
#include "alg/nat/sdp_rewriter.h"
#include "alg/sip/multipart.h"

namespace messenger::alg {

namespace {

constexpr int kNesting = 2;  // as SessionBodies: what nobody reads, nobody edits

[[nodiscard]] bool is_smime(const ContentType& type) {
    return type.is("multipart", "signed") || type.is("application", "pkcs7-mime") ||
           type.is("application", "x-pkcs7-mime");
}

[[nodiscard]] bool is_multipart(const ContentType& type) {
    return equals_ignoring_case(type.type, "multipart") && !is_smime(type);
}

/// RFC 4474 signs Contact and the body. RFC 8224, which took the header over, signs neither (that is why it did), and
/// always has an info parameter, for which RFC 4474 had a header of its own.
[[nodiscard]] bool has_old_identity(const SipMessageView& message) {
    return std::any_of(message.lines().begin(), message.lines().end(), [&](const HeaderLine& line) {
        if (line.id != HeaderId::other) return false;
        const std::string_view name = message.name_of(line);
        if (!equals_ignoring_case(name, "Identity") && !equals_ignoring_case(name, "y")) return false;
        return !find_parameter(message.value_of(line), "info");
    });
}

/// What a content transfer encoding leaves as it is.
[[nodiscard]] bool is_plain(std::string_view transfer_encoding) {
    return transfer_encoding.empty() || equals_ignoring_case(transfer_encoding, "7bit") ||
           equals_ignoring_case(transfer_encoding, "8bit") || equals_ignoring_case(transfer_encoding, "binary");
}

[[nodiscard]] Skipped first_of(Skipped left, Skipped right) {
    return left == Skipped::none ? right : left;
}

}  // namespace

std::string_view name(Skipped reason) {
    switch (reason) {
        case Skipped::none: return "none";
        case Skipped::encoded: return "encoded";
        case Skipped::signed_body: return "signed_body";
        case Skipped::too_many: return "too_many";
        case Skipped::unreadable: return "unreadable";
    }
    return "?";
}

bool body_may_carry_addresses(std::string_view content_type, std::string_view content_encoding) {
    const auto type = parse_content_type(content_type);
    if (!type || !content_encoding.empty()) return false;
    return type->is("application", "sdp") || type->is_invitation() || is_multipart(*type);
}

Skipped MessageRewriter::rewrite(const SipMessageView& message, const Limits& limits, const Rewrite& what,
                                 EditList& edits) {
    moved_session_ = false;
    const Skipped in_head = rewrite_head(message, what, edits);
    if (in_head == Skipped::too_many || message.body().empty()) return in_head;
    if (in_head == Skipped::signed_body) return in_head;
    if (!message.value(HeaderId::content_encoding).empty()) {
        return body_may_carry_addresses(message.content_type(), {}) ? first_of(in_head, Skipped::encoded) : in_head;
    }
    limits_ = &limits;
    translation_ = &what.translation;
    edits_ = &edits;
    const std::ptrdiff_t head_growth = edits.growth();
    const Skipped in_body = rewrite_body(message.content_type(), message.body(), kNesting);
    const std::ptrdiff_t body_growth = edits.growth() - head_growth;
    if (body_growth != 0) rewrite_content_length(message, body_growth, edits);
    if (!edits.spoilt()) return first_of(in_head, in_body);
    moved_session_ = false;
    (void)rewrite_head(message, what, edits);
    return Skipped::too_many;
}

Skipped MessageRewriter::rewrite_head(const SipMessageView& message, const Rewrite& what, EditList& edits) {
    edits.begin(message.whole());
    const bool outbound = what.direction == Rewrite::Direction::outbound;
    const bool contact_is_signed = has_old_identity(message);
    if (!contact_is_signed) rewrite_contacts(message, what.translation, what.transport, edits);
    rewrite_request_uri(message, what.translation, what.transport, edits);
    rewrite_refer_to(message, what.translation, what.transport, edits);
    // Only a request takes our port along, and only its response brings it back.
    if (what.via_port && outbound == message.is_request()) rewrite_via_port(message, *what.via_port, edits);
    const std::string_view first_words = message.value(HeaderId::ms_text_format);
    const bool understood = invitation_header_.rewrite(first_words, what.translation, edits);
    if (edits.spoilt()) {
        edits.begin(message.whole());
        return Skipped::too_many;
    }
    if (contact_is_signed) return Skipped::signed_body;
    return understood ? Skipped::none : Skipped::unreadable;
}

Skipped MessageRewriter::rewrite_body(std::string_view content_type, std::string_view body, int nesting) {
    const auto type = parse_content_type(content_type);
    if (!type) return Skipped::none;
    if (is_smime(*type)) return Skipped::signed_body;
    if (type->is("application", "sdp")) {
        if (!sdp_.parse(body, *limits_)) return Skipped::unreadable;
        if (rewrite_sdp(sdp_, *translation_, *edits_)) moved_session_ = true;
        return Skipped::none;
    }
    if (type->is_invitation()) {
        return rewrite_invitation(body, *translation_, *edits_) ? Skipped::none : Skipped::unreadable;
    }
    return is_multipart(*type) && nesting > 0 ? rewrite_parts(*type, body, nesting) : Skipped::none;
}

Skipped MessageRewriter::rewrite_parts(const ContentType& type, std::string_view body, int nesting) {
    const auto boundary = find_parameter(type.parameters, "boundary");
    if (!boundary) return Skipped::unreadable;
    MultipartReader reader(body, *boundary);
    BodyPart part;
    Skipped skipped = Skipped::none;
    while (true) {
        const auto more = reader.next(part);
        if (!more) return first_of(skipped, Skipped::unreadable);
        if (!*more) return skipped;
        if (!part.content_encoding.empty() || !is_plain(part.transfer_encoding)) {
            const bool matters = body_may_carry_addresses(part.content_type, {});
            skipped = first_of(skipped, matters ? Skipped::encoded : Skipped::none);
            continue;
        }
        const std::ptrdiff_t before = edits_->growth();
        skipped = first_of(skipped, rewrite_body(part.content_type, part.content, nesting - 1));
        const std::ptrdiff_t growth = edits_->growth() - before;
        if (growth != 0 && !part.content_length.empty()) add_to_number(part.content_length, growth, *edits_);
    }
}

}  // namespace messenger::alg
