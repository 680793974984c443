// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>
#include <vector>

namespace messenger::alg {

/// A copy in a heap block of exactly its size: reading one byte too many is then seen by the address sanitizer.
class ExactCopy {
   public:
    explicit ExactCopy(std::string_view text) : bytes_(text.begin(), text.end()) {}
    [[nodiscard]] std::string_view view() const& { return {bytes_.data(), bytes_.size()}; }
    std::string_view view() && = delete;

   private:
    std::vector<char> bytes_;
};

}  // namespace messenger::alg
