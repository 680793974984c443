// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/start_line.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "alg/base/byte_search.h"
#include "alg/base/text.h"
#include "alg/sip/token.h"

namespace messenger::alg {
namespace {

constexpr std::string_view kSipVersion = "SIP/2.0";

/// Compares as much of literal as text has from at on, without case.
StartLineMatch match_literal(std::string_view text, std::size_t at, std::string_view literal) {
    if (starts_with_literal(text.substr(at), literal)) return StartLineMatch::complete;
    const std::size_t length = std::min(text.size() - at, literal.size());
    const bool is_beginning = equals_ignoring_case(text.substr(at, length), literal.substr(0, length));
    return is_beginning && length < literal.size() ? StartLineMatch::incomplete : StartLineMatch::impossible;
}

/// CR LF or LF at `at`; ends the line there.
StartLineMatch match_line_end(std::string_view text, std::size_t at, StartLine& line) {
    if (at == text.size()) return StartLineMatch::incomplete;
    if (text[at] == '\r') ++at;
    if (at == text.size()) return StartLineMatch::incomplete;
    if (text[at] != '\n') return StartLineMatch::impossible;
    line.length = at + 1;
    return StartLineMatch::complete;
}

constexpr bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// How far the visible characters go that begin at `at`: where the first other one is, or the end of text.
std::size_t visible_end(std::string_view text, std::size_t at) {
    for (; text.size() - at >= kSearchStep; at += kSearchStep) {
        const std::uint64_t found = find_invisible<kSearchStep>(text.data() + at);
        if (found != 0) return at + static_cast<unsigned>(std::countr_zero(found));
    }
    while (at < text.size() && text[at] != ' ' && !is_control(text[at])) ++at;
    return at;
}

StartLineMatch match_request_line(std::string_view text, std::size_t checked, std::size_t method, StartLine& line) {
    const std::size_t uri = method + 1;
    // Had the Request-URI ended more than " SIP/2.0" and a CR before `checked`, the line would not have been
    // incomplete.
    constexpr std::size_t kVersionAndEnds = kSipVersion.size() + 2;
    const std::size_t unseen = std::max(uri, checked - std::min(checked, kVersionAndEnds));
    const std::size_t at = visible_end(text, std::min(unseen, text.size()));
    if (at == text.size()) return StartLineMatch::incomplete;
    if (text[at] != ' ' || at == uri) return StartLineMatch::impossible;
    const StartLineMatch version = match_literal(text, at + 1, kSipVersion);
    if (version != StartLineMatch::complete) return version;
    line.method = text.substr(0, method);
    line.request_uri = text.substr(uri, at - uri);
    return match_line_end(text, at + 1 + kSipVersion.size(), line);
}

/// The reason phrase may be empty, and its blank may be missing then; RFC 3261 has the blank, some senders do not.
StartLineMatch match_reason(std::string_view text, std::size_t checked, std::size_t blank, StartLine& line) {
    if (blank == text.size()) return StartLineMatch::incomplete;
    if (text[blank] != ' ') return match_line_end(text, blank, line);
    std::size_t at = std::max(blank + 1, checked - std::min<std::size_t>(checked, 1));
    while (at < text.size() && (!is_control(text[at]) || text[at] == '\t')) ++at;
    line.reason = trim(text.substr(blank + 1, std::min(at, text.size()) - std::min(blank + 1, text.size())));
    return at < text.size() ? match_line_end(text, at, line) : StartLineMatch::incomplete;
}

StartLineMatch match_status_line(std::string_view text, std::size_t checked, StartLine& line) {
    std::size_t at = 0;
    const StartLineMatch version = match_literal(text, 0, kSipVersion);
    if (version != StartLineMatch::complete) return version;
    at += kSipVersion.size();
    if (at == text.size()) return StartLineMatch::incomplete;
    if (text[at] != ' ') return StartLineMatch::impossible;
    const std::string_view digits = text.substr(at + 1, 3);
    if (!std::all_of(digits.begin(), digits.end(), is_digit)) return StartLineMatch::impossible;
    if (!digits.empty() && (digits.front() < '1' || digits.front() > '6')) return StartLineMatch::impossible;
    if (digits.size() < 3) return StartLineMatch::incomplete;
    line.status = static_cast<std::uint16_t>(*parse_number(digits));
    return match_reason(text, checked, at + 1 + digits.size(), line);
}

}  // namespace

StartLineMatch match_start_line(std::string_view text, std::size_t checked, StartLine& line) {
    line = StartLine{};
    const std::size_t token = token_length(text.substr(0, kMaxMethodBytes + 1));
    if (token > kMaxMethodBytes) return StartLineMatch::impossible;
    if (token == text.size()) return StartLineMatch::incomplete;
    // No method has a slash in it, so that the first byte behind the token tells the two kinds apart.
    if (text[token] == '/') return match_status_line(text, checked, line);
    if (token == 0 || text[token] != ' ') return StartLineMatch::impossible;
    return match_request_line(text, checked, token, line);
}

std::size_t leading_line_ends(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        if (text[at] == '\n') {
            ++at;
        } else if (text.substr(at, 2) == "\r\n") {
            at += 2;
        } else {
            break;
        }
    }
    return at;
}

}  // namespace messenger::alg
