// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "alg/base/text.h"
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
        header,     ///< the fields below tell where it is
        malformed,  ///< a line without a token and a colon at its beginning; skipped, folds included
        end,        ///< the empty line; position() is behind it
        cut,        ///< the text ends before the empty line
    };

    HeaderReader(std::string_view text, std::size_t at) : text_(text), at_(at) {}

    [[nodiscard]] Step next();

    [[nodiscard]] std::size_t position() const { return at_; }
    [[nodiscard]] std::size_t begin() const { return begin_; }
    [[nodiscard]] std::size_t value_begin() const { return value_begin_; }
    [[nodiscard]] std::size_t value_end() const { return value_end_; }
    [[nodiscard]] std::string_view name() const { return text_.substr(begin_, name_end_ - begin_); }
    [[nodiscard]] std::string_view value() const { return text_.substr(value_begin_, value_end_ - value_begin_); }

   private:
    std::string_view text_;
    std::size_t at_;
    std::size_t begin_ = 0;
    std::size_t name_end_ = 0;
    std::size_t value_begin_ = 0;
    std::size_t value_end_ = 0;
};

inline HeaderReader::Step HeaderReader::next() {
    std::size_t end = text_.find('\n', at_);
    if (end == std::string_view::npos) return Step::cut;
    begin_ = at_;
    at_ = end + 1;
    // Before the look for folds: a body may begin with a blank.
    if (end == begin_ || (end - begin_ == 1 && text_[begin_] == '\r')) return Step::end;
    while (at_ < text_.size() && is_blank(text_[at_])) {
        end = text_.find('\n', at_);
        if (end == std::string_view::npos) return Step::cut;
        at_ = end + 1;
    }
    const std::string_view line = text_.substr(begin_, end - begin_);
    const std::size_t name = token_length(line);
    std::size_t colon = name;
    while (colon < line.size() && is_blank(line[colon])) ++colon;
    if (name == 0 || colon == line.size() || line[colon] != ':') return Step::malformed;
    const std::string_view value = trim(line.substr(colon + 1));
    name_end_ = begin_ + name;
    value_begin_ = static_cast<std::size_t>(value.data() - text_.data());
    value_end_ = value_begin_ + value.size();
    return Step::header;
}

}  // namespace messenger::alg
