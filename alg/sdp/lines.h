// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "alg/base/byte_search.h"
#include "alg/base/text.h"

namespace messenger::alg {

/// Cuts a body into lines. LF ends a line, a CR before it belongs to the line end, and the last line may lack its end.
class LineReader {
   public:
    explicit LineReader(std::string_view text) : text_(text), ends_(text) {}

    /// False when there is none left. line: without its end.
    [[nodiscard]] bool next(std::string_view& line) {
        if (at_ >= text_.size()) return false;
        const std::size_t end = std::min(ends_.next(), text_.size());
        const bool has_return = end != at_ && text_[end - 1] == '\r';
        line = {text_.data() + at_, end - at_ - (has_return ? 1 : 0)};
        at_ = end + 1;
        return true;
    }

    /// Nothing but line ends is left.
    [[nodiscard]] bool at_end() const { return text_.find_first_not_of("\r\n", at_) == std::string_view::npos; }

   private:
    std::string_view text_;
    LineEnds ends_;
    std::size_t at_ = 0;
};

/// Takes the first word off text: what stands between blanks. Empty when there is none left.
[[nodiscard]] inline std::string_view next_word(std::string_view& text) {
    std::size_t begin = 0;
    while (begin < text.size() && is_blank(text[begin])) ++begin;
    const std::size_t end = find_byte(text, begin, text.size(), ' ', '\t');
    const std::string_view word(text.data() + begin, end - begin);
    text.remove_prefix(end);
    return word;
}

}  // namespace messenger::alg
