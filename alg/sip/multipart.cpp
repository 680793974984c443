// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/multipart.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "alg/base/text.h"
#include "alg/sip/header_reader.h"

namespace messenger::alg {
namespace {

constexpr std::size_t kMaxBoundaryBytes = 70;  // RFC 2046 section 5.1.1

/// More than RFC 2046's bchars, because senders do not keep to them; no controls, and no blank at the end.
bool is_boundary(std::string_view boundary) {
    return !boundary.empty() && boundary.size() <= kMaxBoundaryBytes && boundary.back() != ' ' &&
           std::all_of(boundary.begin(), boundary.end(),
                       [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

struct Delimiter {
    std::size_t begin = 0;   ///< of the first dash
    std::size_t length = 0;  ///< line end included
    bool closing = false;
};

/// A delimiter line at the beginning of text, where a line begins. A boundary that is the beginning of another one must
/// not match it, so that nothing but blanks may follow.
std::optional<Delimiter> match_delimiter(std::string_view text, std::string_view boundary) {
    std::string_view rest = text;
    if (!rest.starts_with("--")) return std::nullopt;
    rest.remove_prefix(2);
    if (!rest.starts_with(boundary)) return std::nullopt;
    rest.remove_prefix(boundary.size());
    Delimiter delimiter;
    delimiter.closing = rest.starts_with("--");
    if (delimiter.closing) rest.remove_prefix(2);
    while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
    if (rest.starts_with("\r\n")) {
        rest.remove_prefix(2);
    } else if (rest.starts_with('\n')) {
        rest.remove_prefix(1);
    } else if (!rest.empty() || !delimiter.closing) {
        return std::nullopt;
    }
    delimiter.length = text.size() - rest.size();
    return delimiter;
}

std::optional<Delimiter> find_delimiter(std::string_view text, std::string_view boundary) {
    for (std::size_t line = 0; line < text.size();) {
        if (auto delimiter = match_delimiter(text.substr(line), boundary)) {
            delimiter->begin = line;
            return delimiter;
        }
        const std::size_t end = text.find('\n', line);
        if (end == std::string_view::npos) break;
        line = end + 1;
    }
    return std::nullopt;
}

void keep_header(const HeaderReader& header, BodyPart& part) {
    // MIME has no compact names. Of several the first counts.
    const std::array<std::pair<std::string_view, std::string_view*>, 5> known{{
        {"Content-Type", &part.content_type},
        {"Content-Disposition", &part.disposition},
        {"Content-Length", &part.content_length},
        {"Content-Encoding", &part.content_encoding},
        {"Content-Transfer-Encoding", &part.transfer_encoding},
    }};
    for (const auto& [name, value] : known) {
        if (value->empty() && equals_ignoring_case(header.name(), name)) *value = header.value();
    }
}

/// text: a part with the line end before its delimiter, which may be the line end of its last header.
BodyPart read_part(std::string_view text) {
    BodyPart part;
    HeaderReader reader(text, 0);
    for (;;) {
        const HeaderReader::Step step = reader.next();
        if (step == HeaderReader::Step::end) break;
        if (step == HeaderReader::Step::cut) return part;  // headers alone
        if (step == HeaderReader::Step::header) keep_header(reader, part);
    }
    part.content = text.substr(reader.position());
    if (part.content.ends_with('\n')) part.content.remove_suffix(1);
    if (part.content.ends_with('\r')) part.content.remove_suffix(1);
    return part;
}

}  // namespace

MultipartReader::MultipartReader(std::string_view body, std::string_view boundary)
    : rest_(body), boundary_(boundary), state_(is_boundary(boundary) ? State::preamble : State::broken) {}

Expected<bool> MultipartReader::next(BodyPart& part) {
    part = BodyPart{};
    while (state_ == State::preamble || state_ == State::parts) {
        const std::optional<Delimiter> delimiter = find_delimiter(rest_, boundary_);
        if (!delimiter) {
            state_ = State::broken;
            break;
        }
        const std::string_view before = rest_.substr(0, delimiter->begin);
        const bool is_part = state_ == State::parts;
        rest_.remove_prefix(delimiter->begin + delimiter->length);
        state_ = delimiter->closing ? State::end : State::parts;
        if (!is_part) continue;
        part = read_part(before);
        return true;
    }
    if (state_ == State::broken) return Error::bad_multipart;
    return false;
}

}  // namespace messenger::alg
