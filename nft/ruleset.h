// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "nft/element.h"
#include "nft/expected.h"
#include "nft/set_spec.h"
#include "nft/transaction.h"

namespace messenger::nft {

/// What commit did besides what it was told.
struct CommitReport {
    std::size_t already_gone = 0;   ///< removals (also those inside a refresh) of elements that had timed out
    std::size_t already_there = 0;  ///< creates of elements that were there
    std::size_t no_room = 0;        ///< offers to sets that were full, and discards where they need room
    std::size_t turned_down = 0;    ///< what a NetlinkGate would not pass on: left out, for the sake of the rest
    unsigned attempts = 1;          ///< how often the batch was sent
};

/// The sets of our table. KernelRuleset is the real one; tests may stand in another.
class Ruleset {
   public:
    Ruleset() = default;
    Ruleset(const Ruleset&) = delete;
    Ruleset& operator=(const Ruleset&) = delete;
    Ruleset(Ruleset&&) = delete;
    Ruleset& operator=(Ruleset&&) = delete;
    virtual ~Ruleset() = default;

    /// Applies the transaction; when it returns a value, the packet path sees all of it. An empty one costs nothing.
    /// Errors: schema_gone (install again and repeat), set_full, not_permitted; then nothing of it happened.
    /// timed_out and replies_lost leave it open whether it did: list() tells.
    [[nodiscard]] virtual Expected<CommitReport> commit(const Transaction& transaction) = 0;

    /// All live elements of a set, in no order. Errors: schema_gone.
    [[nodiscard]] virtual Expected<std::vector<StoredElement>> list(SetId set) = 0;

    /// One element, without a look at the others; absent if it is not there or has timed out. Errors: schema_gone.
    [[nodiscard]] virtual Expected<std::optional<StoredElement>> find(SetId set, const Key& key) = 0;

    /// index counts the places; the element is borrowed for the call.
    using OnFound = std::function<void(std::size_t index, const StoredElement& element)>;
    /// The same for many places at once, in no order. A set that is missing has nothing in it. After an error, some may
    /// have been handed on.
    [[nodiscard]] virtual Expected<void> find_each(std::span<const Place> places, const OnFound& on_found) = 0;
};

}  // namespace messenger::nft
