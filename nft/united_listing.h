// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

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
    [[nodiscard]] std::vector<StoredElement> take();

   private:
    std::vector<StoredElement> elements_;  ///< by key
};

}  // namespace messenger::nft
