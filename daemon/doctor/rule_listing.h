// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "nft/ruleset_copy.h"

namespace messenger::daemon {

/// The live rule as its owner wrote it, or the next best; empty if it cannot be shown.
using RuleText = std::function<std::string(const nft::RulePlace& place)>;

/// Asks nft(8) in the network namespace of the calling thread, once for each chain.
class RuleListing {
   public:
    [[nodiscard]] std::string text_of(const nft::RulePlace& place);

   private:
    using Chain = std::pair<nft::TableName, std::string>;
    using Texts = std::map<std::uint64_t, std::string>;  ///< by handle

    [[nodiscard]] static Texts list(const Chain& chain);

    std::map<Chain, Texts> chains_;
};

/// True for "ct state established,related accept" and what means the same: nothing else is asked for.
[[nodiscard]] bool accepts_established(std::string_view rule);

}  // namespace messenger::daemon
