// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace messenger::daemon {

/// The text as one line of printable ASCII: everything else becomes \n, \r, \t or \xNN, and a backslash becomes two.
/// Bytes off the wire can then neither forge a line of the log nor speak to a terminal. At most limit characters; a
/// text that is longer ends in "...", never in the middle of an escape.
[[nodiscard]] std::string sanitize(std::string_view text, std::size_t limit = 256);

}  // namespace messenger::daemon
