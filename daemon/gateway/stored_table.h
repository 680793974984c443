// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "daemon/gateway/table_file.h"
#include "nft/ruleset.h"

namespace messenger::daemon {

/// Whether the kernel has an element as we want it. One that a packet under way made anew when somebody removed it has
/// no comment, and after a restart nobody would know whose it is. Not compared word by word: of a pinhole of many calls
/// two are named.
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
    void forget();
    /// Asks the kernel for each of these that a listing lacks, and adds what it finds there to the listing. Nothing, if
    /// the kernel has not been asked for any listing: then none can lack something.
    [[nodiscard]] nft::Expected<void> look_again(std::span<const nft::Place> places);
    /// What the kernel need not be asked for.
    void preload(LeftTable&& table);
    /// Those that hold what the engine wants.
    [[nodiscard]] static std::span<const nft::SetId> sets();

   private:
    nft::Ruleset& ruleset_;
    std::map<nft::SetId, Listing> listings_;
    bool was_listed_ = false;
};

/// The difference between the sets that hold what the engine wants (others are the packet path's) and what it wants,
/// which is told piece by piece: there may be a hundred thousand.
class TableComparison {
   public:
    /// Lists what is not listed yet. table: borrowed, until finish().
    [[nodiscard]] static nft::Expected<TableComparison> begin(StoredTable& table);

    /// wanted: an addition, each once.
    void see(const nft::Operation& wanted);
    /// What makes the sets the same as what was seen.
    [[nodiscard]] nft::Transaction finish();

   private:
    /// Of one set. What is wanted is told in the order in which it was restored, and that is the order of the listing:
    /// so each is looked for where the one before was found, and an index is only made when one is not there.
    class Set {
       public:
        explicit Set(std::span<const nft::StoredElement> elements);
        /// nullptr if there is none; else it counts as wanted.
        [[nodiscard]] const nft::StoredElement* take(const nft::Key& key);
        /// Those that were not taken.
        [[nodiscard]] std::vector<const nft::StoredElement*> rest() const;

       private:
        [[nodiscard]] std::size_t place_of(const nft::Key& key);

        std::span<const nft::StoredElement> elements_;
        std::vector<bool> is_wanted_;
        std::size_t next_ = 0;
        std::vector<std::uint32_t> by_key_;
    };

    std::map<nft::SetId, Set> sets_;
    nft::Transaction changes_;
};

}  // namespace messenger::daemon
