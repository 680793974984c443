// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "alg/base/byte_search.h"
#include "alg/base/text.h"
#include "alg/sip/header_name.h"
#include "alg/sip/message.h"
#include "alg/sip/token.h"

namespace messenger::alg {

/// Walks the header lines of a SIP head or of a MIME part (RFC 3261 section 7.3.1), in one pass. The one place that
/// knows where a header begins and ends, so that framing and message cannot disagree about Content-Length.
/// In the header because the compiler must see it: it is most of the work of reading a message.
///
///     Contact :   <sip:a@b>;   CR LF HT expires=60   CR LF
///     ^begin ^name_end ^value_begin              ^value_end
class HeaderReader {
   public:
    enum class Step : std::uint8_t {
        header,     ///< line() tells where it is
        malformed,  ///< a line without a token and a colon at its beginning; skipped, folds included
        end,        ///< the empty line; position() is behind it
        cut,        ///< the text ends before the empty line
    };

    /// text: at most 4 GiB, borrowed.
    HeaderReader(std::string_view text, std::size_t at) : text_(text), line_ends_(text, at), at_(at) {}

    [[nodiscard]] Step next();

    [[nodiscard]] std::size_t position() const { return at_; }
    [[nodiscard]] const HeaderLine& line() const { return line_; }
    [[nodiscard]] std::string_view name() const { return text_.substr(line_.begin, line_.name_length); }
    [[nodiscard]] std::string_view value() const {
        return text_.substr(line_.value_begin, line_.value_end - line_.value_begin);
    }

   private:
    [[nodiscard]] static std::size_t find_fold_end(std::string_view text, std::size_t at);
    [[nodiscard]] bool read_line(std::size_t begin, std::size_t end);

    std::string_view text_;
    LineEnds line_ends_;
    std::size_t at_;
    HeaderLine line_;
};

[[gnu::always_inline]] inline HeaderReader::Step HeaderReader::next() {
    const std::size_t begin = at_;
    std::size_t end = line_ends_.next();
    if (end == std::string_view::npos) return Step::cut;
    at_ = end + 1;
    // Before the look for folds: a body may begin with a blank.
    if (end - begin <= 1 && (end == begin || text_[begin] == '\r')) return Step::end;
    if (at_ < text_.size() && is_blank(text_[at_])) {
        end = find_fold_end(text_, at_);
        if (end == std::string_view::npos) return Step::cut;
        at_ = end + 1;
        line_ends_ = LineEnds(text_, at_);
    }
    return read_line(begin, end) ? Step::header : Step::malformed;
}

/// The LF of the last of the lines that begin with a blank, of which there is one at `at`; npos without it. Not inline,
/// because folds are rare.
[[gnu::noinline]] inline std::size_t HeaderReader::find_fold_end(std::string_view text, std::size_t at) {
    std::size_t end = at;
    while (at < text.size() && is_blank(text[at])) {
        end = text.find('\n', at);
        if (end == std::string_view::npos) break;
        at = end + 1;
    }
    return end;
}

[[gnu::always_inline]] inline bool HeaderReader::read_line(std::size_t begin, std::size_t end) {
    const std::size_t colon = find_byte(text_, begin, end, ':');
    if (colon == end) return false;
    const char* const text = text_.data();
    std::string_view name(text + begin, colon - begin);
    line_.id = header_names::find(name);
    // What has been recognized is a token, and has no blanks behind it.
    if (line_.id == HeaderId::other) {
        if (name.ends_with(' ') || name.ends_with('\t')) {
            while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
            line_.id = header_id(name);
        }
        if (name.empty() || name.size() > UINT16_MAX) return false;
        if (find_token_end(text_, begin, begin + name.size()) != begin + name.size()) return false;
    }
    const char* value = text + colon + 1;
    const char* value_end = text + end;
    if (value_end - value >= 3 && value[0] == ' ' && value[1] > ' ' && value_end[-2] > ' ' && value_end[-1] == '\r') {
        ++value;  // "Name: value" CR LF, as nearly everybody writes
        --value_end;
    } else {
        while (value != value_end && is_lws(*value)) ++value;
        while (value != value_end && is_lws(value_end[-1])) --value_end;
    }
    line_.name_length = static_cast<std::uint16_t>(name.size());
    line_.begin = static_cast<std::uint32_t>(begin);
    line_.value_begin = static_cast<std::uint32_t>(value - text);
    line_.value_end = static_cast<std::uint32_t>(value_end - text);
    return true;
}

}  // namespace messenger::alg
