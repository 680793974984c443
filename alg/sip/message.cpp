// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/message.h"

#include <algorithm>
#include <optional>

#include "alg/base/byte_search.h"
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

/// As nearly everybody writes it: the first parameter, without blanks and quotes, of an address with <> or of one
/// without quotes; empty if that has no parameters. Absent otherwise. The value is text[from, to); what follows in text
/// is looked at, too, several bytes at once.
std::optional<std::string_view> find_plain_tag(std::string_view text, std::size_t from, std::size_t to) {
    constexpr std::string_view kTag = ";tag=";
    std::size_t open = find_byte(text, from, to, '<', '"');
    if (open < to && text[open] == '"') {
        const std::size_t quote = find_byte(text, open + 1, to, '"', '\\');
        if (quote == to || text[quote] != '"') return std::nullopt;
        open = find_byte(text, quote + 1, to, '<', '"');
        if (open == to || text[open] != '<') return std::nullopt;
    }
    const std::size_t uri = open < to ? open + 1 : from;
    const std::size_t uri_end = open < to ? find_byte(text, open, to, '>') : find_byte(text, from, to, ';');
    const std::size_t parameters = open < to ? uri_end + 1 : uri_end;
    if (parameters >= to) return std::string_view{};
    if (uri_end <= uri || text[uri] <= ' ' || to - parameters <= kTag.size()) return std::nullopt;
    if (text.substr(parameters, kTag.size()) != kTag) return std::nullopt;
    const std::size_t begin = parameters + kTag.size();
    const std::size_t end = find_byte(text, begin, to, ';', '"');
    if (end == begin || text[begin] <= ' ' || text[end - 1] <= ' ' || (end < to && text[end] == '"'))
        return std::nullopt;
    return text.substr(begin, end - begin);
}

std::string_view read_tag(std::string_view address) {
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
    std::uint64_t number = 0;
    std::size_t at = 0;
    for (; at < text.size() && is_digit(text[at]); ++at) {
        number = number * 10 + static_cast<std::uint64_t>(text[at] - '0');
        if (number > INT32_MAX) return Error::bad_cseq;
    }
    const std::string_view method = trim(text.substr(at));
    if (at == 0 || method.size() == text.size() - at) return Error::bad_cseq;
    if (is_request() ? method != method_text_ : !is_token(method)) return Error::bad_cseq;
    cseq_ = static_cast<std::uint32_t>(number);
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
    return tag_of(HeaderId::from);
}

std::string_view SipMessageView::to_tag() const {
    return tag_of(HeaderId::to);
}

std::string_view SipMessageView::tag_of(HeaderId id) const {
    if (!has(id)) return {};
    const HeaderLine& line = lines_[first_[static_cast<std::size_t>(id)]];
    const std::optional<std::string_view> plain = find_plain_tag(text_, line.value_begin, line.value_end);
    return plain ? *plain : read_tag(value_of(line));
}

std::string_view SipMessageView::top_via() const {
    std::string_view values = value(HeaderId::via);
    return next_list_value(values);
}

std::string_view SipMessageView::content_type() const {
    return value(HeaderId::content_type);
}

}  // namespace messenger::alg
