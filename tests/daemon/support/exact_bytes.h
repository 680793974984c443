// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

namespace messenger::daemon {

/// Bytes in a heap block of exactly their size: the address sanitizer then sees an overread of one byte.
class ExactBytes {
   public:
    explicit ExactBytes(std::span<const std::byte> bytes)
        : size_(bytes.size()),
          block_(std::make_unique<std::byte[]>(bytes.size())) {  // NOLINT(modernize-avoid-c-arrays)
        std::copy(bytes.begin(), bytes.end(), block_.get());
    }
    [[nodiscard]] std::span<const std::byte> view() const { return {block_.get(), size_}; }

   private:
    std::size_t size_;
    std::unique_ptr<std::byte[]> block_;  // NOLINT(modernize-avoid-c-arrays)
};

}  // namespace messenger::daemon
