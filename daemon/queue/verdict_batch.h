// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "daemon/queue/verdict.h"

namespace messenger::daemon {

/// Verdict messages one behind the other, as one send takes them. Its memory is allocated once.
class VerdictBatch {
   public:
    explicit VerdictBatch(std::size_t capacity) { bytes_.reserve(capacity); }

    /// The bytes that a verdict takes.
    [[nodiscard]] static std::size_t size_of(const Verdict& verdict);

    /// False, without any change, if there is no room or if the replacement is longer than an attribute can be
    /// (65531 bytes).
    [[nodiscard]] bool add(const Verdict& verdict, std::uint32_t sequence);

    [[nodiscard]] std::span<const std::byte> bytes() const& { return bytes_; }
    std::span<const std::byte> bytes() && = delete;
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    void clear() { bytes_.clear(); }

   private:
    std::vector<std::byte> bytes_;
};

}  // namespace messenger::daemon
