// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "nft/element.h"

namespace messenger::nft {

/// A set as several listings show it, each element once. The kernel goes on with a long listing by counting what it has
/// told already, and while elements expire underneath, some that stay are left out and others come twice, with no sign
/// of it.
class UnitedListing {
   public:
    /// Takes elements out of listing. True if one of them is new.
    bool add(std::vector<StoredElement>& listing);
    /// Whether a set that had so many elements just now, such that have expired and not been taken away yet among them,
    /// has no other than these; only of sets that nothing but time removes elements of. age: since the first listing
    /// began. False where that is not certain: each of these must be there still, or it might be counted in the place
    /// of one that was left out.
    [[nodiscard]] bool has_all_of(std::size_t count, std::chrono::milliseconds age) const;
    /// By key, so that what belongs together is side by side.
    [[nodiscard]] std::vector<StoredElement> take();

   private:
    std::vector<StoredElement> elements_;  ///< by key
};

}  // namespace messenger::nft
