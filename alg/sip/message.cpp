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

constexpr bool is_empty(const HeaderLine& line) {
    return line.value_begin == line.value_end;
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
        if (!has(id) || is_empty(lines_[first_[static_cast<std::size_t>(id)]])) return Error::missing_header;
    }
    return read_cseq();
}

Expected<void> SipMessageView::read_headers(const Limits& limits) {
    const std::size_t room = std::min(limits.headers, kMaxHeaders);
    HeaderReader reader(text_, head_length_);
    HeaderReader::Step step = reader.next();
    for (; step == HeaderReader::Step::header; step = reader.next()) {
        if (lines_.size() >= room) return Error::too_many_headers;
        if (!add_line(reader.line())) return Error::repeated_header;
    }
    if (step != HeaderReader::Step::end) return Error::bad_header;
    head_length_ = static_cast<std::uint32_t>(reader.position());
    return {};
}

/// False if it may stand once and says something else than one before.
[[gnu::always_inline]] inline bool SipMessageView::add_line(const HeaderLine& line) {
    if (line.id != HeaderId::other) {
        std::uint16_t& first = first_[static_cast<std::size_t>(line.id)];
        if (first == kAbsent) {
            first = static_cast<std::uint16_t>(lines_.size());
        } else if (is_single_valued(line.id) && value_of(lines_[first]) != value_of(line)) {
            return false;
        }
    }
    lines_.push_back(line);
    return true;
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
    if (has(HeaderId::content_length)) {
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

}  // namespace messenger::alg
