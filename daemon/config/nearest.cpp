// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace messenger::daemon {

std::size_t edit_distance(std::string_view left, std::string_view right) {
    // Three rows of the usual table; a swap looks two rows back.
    std::vector<std::size_t> before(right.size() + 1);
    std::vector<std::size_t> above(right.size() + 1);
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(above.begin(), above.end(), std::size_t{0});
    for (std::size_t i = 1; i <= left.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const std::size_t replaced = above[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
            row[j] = std::min({replaced, above[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        before.swap(above);
        above.swap(row);
    }
    return above[right.size()];
}

std::string_view find_nearest(std::string_view word, std::span<const std::string_view> candidates) {
    std::string_view nearest;
    std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const std::string_view candidate : candidates) {
        // A part of a name is a likely slip, too: "interfaces" for "inside_interfaces".
        const bool part = word.size() >= 4 && candidate.find(word) != std::string_view::npos;
        const std::size_t distance = part ? 1 : edit_distance(word, candidate);
        if (distance < least && distance < candidate.size()) {
            least = distance;
            nearest = candidate;
        }
    }
    return nearest;
}

}  // namespace messenger::daemon
