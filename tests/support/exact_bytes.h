// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace messenger::test {

/// A copy of some bytes in a heap block of exactly their size, so that the address sanitizer sees an overread of one
/// byte.
class ExactBytes {
   public:
    explicit ExactBytes(std::string_view bytes)
        : block_(std::make_unique<char[]>(bytes.size())), size_(bytes.size()) {  // NOLINT(modernize-avoid-c-arrays)
        std::copy(bytes.begin(), bytes.end(), block_.get());
    }

    [[nodiscard]] std::string_view text() const { return {block_.get(), size_}; }
    [[nodiscard]] std::span<const std::byte> bytes() const { return std::as_bytes(std::span(block_.get(), size_)); }

   private:
    std::unique_ptr<char[]> block_;  // NOLINT(modernize-avoid-c-arrays)
    std::size_t size_;
};

}  // namespace messenger::test
