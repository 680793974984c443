// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/framing.h"

#include <algorithm>
#include <optional>

#include "alg/sip/content_length.h"
#include "alg/sip/header_reader.h"
#include "alg/sip/message.h"
#include "alg/sip/start_line.h"

namespace messenger::alg {
namespace {

/// The LF of the last header line, when an empty line follows; npos otherwise. Looks from `from` on.
std::size_t find_last_line_end(std::string_view text, std::size_t from) {
    for (std::size_t end = text.find('\n', from); end != std::string_view::npos; end = text.find('\n', end + 1)) {
        const std::string_view next = text.substr(end + 1);
        if (next.starts_with('\n') || next.starts_with("\r\n")) return end;
    }
    return std::string_view::npos;
}

/// Content-Length of a whole head. Lines that are no headers are left to the message parser: they do not move the
/// frame.
Expected<std::size_t> find_body_length(std::string_view head) {
    std::optional<std::uint32_t> length;
    bool has_type = false;
    HeaderReader reader(head, head.find('\n') + 1);
    for (;;) {
        const HeaderReader::Step step = reader.next();
        if (step == HeaderReader::Step::malformed) continue;
        if (step != HeaderReader::Step::header) break;
        const HeaderId id = reader.line().id;
        has_type = has_type || id == HeaderId::content_type;
        if (id != HeaderId::content_length) continue;
        const std::optional<std::uint32_t> value = parse_content_length(reader.value());
        if (!value || (length && *length != *value)) return Error::bad_content_length;
        length = value;
    }
    if (!length && has_type) return Error::bad_content_length;
    return std::size_t{length.value_or(0)};
}

}  // namespace

Expected<Frame> find_frame(std::string_view stream, const Limits& limits, std::size_t& scanned) {
    Frame frame;
    frame.skip = leading_line_ends(stream);
    // Nothing beyond the limit is looked at, so that the answer does not depend on how the stream was cut.
    const std::string_view text = stream.substr(frame.skip, limits.head_bytes);
    const std::size_t checked = std::min(scanned - std::min(scanned, frame.skip), text.size());
    scanned = frame.skip;
    if (text == "\r") return frame;  // perhaps half a keep-alive

    // A whole start line among the checked bytes was found good when it came.
    if (text.substr(0, checked).find('\n') == std::string_view::npos) {
        StartLine line;
        if (match_start_line(text, checked, line) == StartLineMatch::impossible) return Error::not_sip;
    }
    const std::size_t last = find_last_line_end(text, checked - std::min<std::size_t>(checked, 2));
    if (last == std::string_view::npos) {
        if (stream.size() - frame.skip > limits.head_bytes) return Error::too_large;
        scanned += text.size();
        return frame;
    }
    scanned += last;
    frame.head_bytes = last + (text[last + 1] == '\n' ? 2 : 3);
    const Expected<std::size_t> body = find_body_length(text.substr(0, frame.head_bytes));
    if (!body) return body.error();
    frame.body_bytes = *body;
    frame.state = Frame::State::head;
    return frame;
}

bool may_begin_message(std::string_view text) {
    StartLine line;
    return match_start_line(text, 0, line) != StartLineMatch::impossible;
}

bool begins_with_start_line(std::string_view text) {
    StartLine line;
    return match_start_line(text, 0, line) == StartLineMatch::complete;
}

}  // namespace messenger::alg
