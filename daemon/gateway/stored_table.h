// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <vector>

#include "nft/ruleset.h"

namespace messenger::daemon {

/// Whether the kernel has an element as we want it. One that a packet under way made anew when somebody removed it has
/// no comment, and after a restart nobody would know whose it is. Not compared word by word: a pinhole of several calls
/// keeps the name of the first.
[[nodiscard]] bool is_as_wanted(const nft::Element& stored, const nft::Element& wanted);

/// What is in our sets. The kernel lists a set in a time that grows faster than its size, so each is listed once, and
/// kept until forget(): call that when the table may have changed.
class StoredTable {
   public:
    using Listing = nft::Expected<std::vector<nft::StoredElement>>;

    /// Borrowed.
    explicit StoredTable(nft::Ruleset& ruleset) : ruleset_(ruleset) {}

    /// Valid until forget().
    [[nodiscard]] const Listing& list(nft::SetId set);
    void forget() { listings_.clear(); }

    /// Adds to changes what makes the sets that hold what the engine wants (others are the packet path's) the same as
    /// wanted, which consists of additions.
    [[nodiscard]] nft::Expected<void> compare(const nft::Transaction& wanted, nft::Transaction& changes);

   private:
    nft::Ruleset& ruleset_;
    std::map<nft::SetId, Listing> listings_;
};

}  // namespace messenger::daemon
