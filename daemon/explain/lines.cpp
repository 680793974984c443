// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/lines.h"

#include <fmt/format.h>

namespace messenger::daemon {

void append_wrapped(std::string& out, std::string_view first, std::size_t hang, std::string_view text) {
    out += first;
    if (text.size() <= kColumns && first.size() <= kColumns - text.size()) {  // nearly always
        out += text.substr(0, text.find_last_not_of(' ') + 1);
        out += '\n';
        return;
    }
    std::size_t column = first.size();
    bool at_start = true;
    while (!text.empty()) {
        const std::size_t end = text.find(' ');
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (!at_start && column + 1 + word.size() > kColumns) {
            out += '\n';
            out.append(hang, ' ');
            column = hang;
            at_start = true;
        }
        if (!at_start) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
        at_start = false;
    }
    out += '\n';
}

std::string count(std::size_t number, std::string_view noun) {
    return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

}  // namespace messenger::daemon
