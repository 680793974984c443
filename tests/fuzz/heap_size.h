// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define MESSENGER_COUNTS_HEAP 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MESSENGER_COUNTS_HEAP 1
#endif
#endif

#ifdef MESSENGER_COUNTS_HEAP
// The sanitizer's own; the header that declares it comes with Clang only.
// NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace messenger::test {

/// Bytes on the heap of this process. 0 without the address sanitizer, which alone knows.
[[nodiscard]] inline std::size_t heap_size() {
#ifdef MESSENGER_COUNTS_HEAP
    return __sanitizer_get_current_allocated_bytes();
#else
    return 0;
#endif
}

}  // namespace messenger::test
