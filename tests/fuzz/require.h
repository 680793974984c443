// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdlib>
#include <iostream>
#include <string_view>

namespace messenger::test {

/// A property that a fuzz target holds. Unlike assert it stays in release builds, where corpora are replayed too.
inline void require(bool holds, std::string_view property) {
    if (holds) return;
    std::cerr << "does not hold: " << property << '\n';
    std::abort();
}

/// Whether a view that was read out of a text lies in it.
inline bool lies_inside(std::string_view text, std::string_view part) {
    return part.empty() || (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
}

}  // namespace messenger::test
