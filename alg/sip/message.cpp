// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/message.h"

#include <algorithm>
#include <optional>

#include "alg/base/text.h"
#include "alg/sip/content_length.h"
#include "alg/sip/fields.h"
#include "alg/sip/header_reader.h"
#include "alg/sip/start_line.h"
#include "alg/sip/token.h"

namespace messenger::alg {
namespace {

/// The headers of which a second one may not say something else.
constexpr bool is_single_valued(HeaderId id) {
    switch (id) {
        case HeaderId::call_id:
        case HeaderId::cseq:
        case HeaderId::from:
        case HeaderId::to:
        case HeaderId::content_length:
        case HeaderId::content_type: return true;
        default: return false;
    }
}

std::string_view tag_of(std::string_view address) {
    const std::optional<NameAddress> parts = parse_name_address(address);
    if (!parts) return {};
    return find_parameter(parts->parameters, "tag").value_or(std::string_view{});
}

}  // namespace

Expected<void> SipMessageView::parse(std::string_view message, const Limits& limits) {
    Expected<void> result = read_head(message, limits);
    if (result) result = read_body(true);
    // Of a stream, framing has seen to it; a datagram comes whole.
    if (result && (head_length_ > limits.head_bytes || body().size() > limits.body_bytes)) result = Error::too_large;
    if (!result) clear();
    return result;
}

Expected<void> SipMessageView::parse_head(std::string_view message, const Limits& limits) {
    Expected<void> result = read_head(message, limits);
    if (result) result = read_body(false);
    if (!result) clear();
    return result;
}

void SipMessageView::clear() {
    text_ = request_uri_ = reason_ = method_text_ = std::string_view{};
    head_length_ = cseq_ = 0;
    status_ = 0;
    method_ = Method::other;
    first_ = absent_headers();
    lines_.clear();
}

Expected<void> SipMessageView::read_head(std::string_view message, const Limits& limits) {
    clear();
    if (message.size() > UINT32_MAX) return Error::too_large;
    text_ = message.substr(leading_line_ends(message));
    StartLine start;
    if (match_start_line(text_, 0, start) != StartLineMatch::complete) return Error::not_sip;
    status_ = start.status;
    request_uri_ = start.request_uri;
    reason_ = start.reason;
    method_text_ = start.method;
    head_length_ = static_cast<std::uint32_t>(start.length);
    if (const auto headers = read_headers(limits); !headers) return headers;
    for (const HeaderId id : {HeaderId::call_id, HeaderId::cseq, HeaderId::from, HeaderId::to}) {
        if (value(id).empty()) return Error::missing_header;
    }
    return read_cseq();
}

Expected<void> SipMessageView::read_headers(const Limits& limits) {
    HeaderReader reader(text_, head_length_);
    const std::size_t room = std::min(limits.headers, kMaxHeaders);
    for (;;) {
        switch (reader.next()) {
            case HeaderReader::Step::header: break;
            case HeaderReader::Step::malformed:
            case HeaderReader::Step::cut: return Error::bad_header;
            case HeaderReader::Step::end: head_length_ = static_cast<std::uint32_t>(reader.position()); return {};
        }
        if (lines_.size() >= room) return Error::too_many_headers;
        if (const auto added = add_line(reader); !added) return added;
    }
}

Expected<void> SipMessageView::add_line(const HeaderReader& reader) {
    const std::string_view name = reader.name();
    if (name.size() > UINT16_MAX) return Error::bad_header;
    const HeaderId id = header_id(name);
    if (id != HeaderId::other) {
        std::uint16_t& first = first_[static_cast<std::size_t>(id)];
        if (first == kAbsent) {
            first = static_cast<std::uint16_t>(lines_.size());
        } else if (is_single_valued(id) && value_of(lines_[first]) != reader.value()) {
            return Error::repeated_header;
        }
    }
    HeaderLine line;
    line.id = id;
    line.name_length = static_cast<std::uint16_t>(name.size());
    line.begin = static_cast<std::uint32_t>(reader.begin());
    line.value_begin = static_cast<std::uint32_t>(reader.value_begin());
    line.value_end = static_cast<std::uint32_t>(reader.value_end());
    lines_.push_back(line);
    return {};
}

Expected<void> SipMessageView::read_cseq() {
    const std::string_view text = value(HeaderId::cseq);
    const auto digits = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
    const std::optional<std::uint32_t> number = parse_number(text.substr(0, digits), INT32_MAX);
    const std::string_view method = trim(text.substr(digits));
    if (!number || method.size() == text.size() - digits) return Error::bad_cseq;
    if (is_request() ? method != method_text_ : !is_token(method)) return Error::bad_cseq;
    cseq_ = *number;
    method_text_ = method;
    method_ = parse_method(method);
    return {};
}

Expected<void> SipMessageView::read_body(bool is_there) {
    std::size_t length = text_.size() - head_length_;
    if (first_[static_cast<std::size_t>(HeaderId::content_length)] != kAbsent) {
        const std::optional<std::uint32_t> said = parse_content_length(value(HeaderId::content_length));
        if (!said) return Error::bad_content_length;
        if (is_there && *said > length) return Error::body_truncated;
        length = *said;
    }
    text_ = text_.substr(0, head_length_ + (is_there ? length : 0));
    return {};
}

std::string_view SipMessageView::call_id() const {
    return value(HeaderId::call_id);
}

std::string_view SipMessageView::from() const {
    return value(HeaderId::from);
}

std::string_view SipMessageView::to() const {
    return value(HeaderId::to);
}

std::string_view SipMessageView::from_tag() const {
    return tag_of(from());
}

std::string_view SipMessageView::to_tag() const {
    return tag_of(to());
}

std::string_view SipMessageView::top_via() const {
    std::string_view values = value(HeaderId::via);
    return next_list_value(values);
}

std::string_view SipMessageView::content_type() const {
    return value(HeaderId::content_type);
}

std::string_view SipMessageView::body() const {
    return text_.substr(head_length_);
}

std::string_view SipMessageView::value(HeaderId id) const {
    if (id == HeaderId::other) return {};
    const std::uint16_t index = first_[static_cast<std::size_t>(id)];
    return index == kAbsent ? std::string_view{} : value_of(lines_[index]);
}

std::string_view SipMessageView::name_of(const HeaderLine& line) const {
    return text_.substr(line.begin, line.name_length);
}

std::string_view SipMessageView::value_of(const HeaderLine& line) const {
    return text_.substr(line.value_begin, line.value_end - line.value_begin);
}

}  // namespace messenger::alg
