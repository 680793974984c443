// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

#include "alg/base/text.h"

namespace messenger::alg {

/// Cuts a body into lines. LF ends a line, a CR before it belongs to the line end, and the last line may lack its end.
class LineReader {
   public:
    explicit LineReader(std::string_view text) : rest_(text) {}

    /// False when there is none left. line: without its end.
    [[nodiscard]] bool next(std::string_view& line) {
        if (rest_.empty()) return false;
        const void* const end = std::memchr(rest_.data(), '\n', rest_.size());
        if (end == nullptr) {
            line = rest_;
            rest_ = {};
        } else {
            const auto size = static_cast<std::size_t>(static_cast<const char*>(end) - rest_.data());
            line = {rest_.data(), size};
            rest_.remove_prefix(size + 1);
        }
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        return true;
    }

    /// Nothing but line ends is left.
    [[nodiscard]] bool at_end() const { return rest_.find_first_not_of("\r\n") == std::string_view::npos; }

   private:
    std::string_view rest_;
};

/// Takes the first word off text: what stands between blanks. Empty when there is none left.
[[nodiscard]] inline std::string_view next_word(std::string_view& text) {
    std::size_t begin = 0;
    while (begin < text.size() && is_blank(text[begin])) ++begin;
    std::size_t end = begin;
    while (end < text.size() && !is_blank(text[end])) ++end;
    const std::string_view word = text.substr(begin, end - begin);
    text.remove_prefix(end);
    return word;
}

}  // namespace messenger::alg
