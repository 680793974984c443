// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>

namespace messenger::test {

/// How often this program has called operator new so far: the promise that a path takes no heap can be held with it.
[[nodiscard]] std::size_t allocation_count();

}  // namespace messenger::test
