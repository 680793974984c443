// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/changed_lines.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "alg/sdp/lines.h"

namespace messenger::alg {

namespace {

[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    LineReader reader(text);
    std::string_view line;
    while (reader.next(line)) lines.push_back(line);
    return lines;
}

/// Adds what differs between two runs of lines.
void add_difference(std::string_view before, std::string_view after, std::vector<ChangedLine>& changed) {
    const std::vector<std::string_view> old_lines = lines_of(before);
    const std::vector<std::string_view> new_lines = lines_of(after);
    const auto begin = std::mismatch(old_lines.begin(), old_lines.end(), new_lines.begin(), new_lines.end());
    // From the back no further than to what is equal at the front.
    const auto end = std::mismatch(old_lines.rbegin(), std::make_reverse_iterator(begin.first), new_lines.rbegin(),
                                   std::make_reverse_iterator(begin.second));
    for (auto line = begin.first; line != end.first.base(); ++line) changed.push_back({false, std::string(*line)});
    for (auto line = begin.second; line != end.second.base(); ++line) changed.push_back({true, std::string(*line)});
}

}  // namespace

std::vector<ChangedLine> changed_lines(const EditList& edits) {
    std::vector<ChangedLine> changed;
    const std::string_view text = edits.text();
    std::string after;
    for (std::size_t i = 0; i < edits.size();) {
        // The whole lines around this edit, and all edits that are on them.
        const std::size_t before_edit = text.substr(0, edits[i].at).rfind('\n');
        const std::size_t begin = before_edit == std::string_view::npos ? 0 : before_edit + 1;
        std::size_t done = begin;
        std::size_t end = 0;
        after.clear();
        do {
            const EditList::Edit edit = edits[i];
            after.append(text.substr(done, edit.at - done));
            after.append(edit.replacement);
            done = std::size_t{edit.at} + edit.length;
            const std::size_t line_end = text.find('\n', done);
            end = line_end == std::string_view::npos ? text.size() : line_end + 1;
            ++i;
        } while (i < edits.size() && edits[i].at < end);
        after.append(text.substr(done, end - done));
        add_difference(text.substr(begin, end - begin), after, changed);
    }
    return changed;
}

}  // namespace messenger::alg
