// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nft/element.h"
#include "nft/set_spec.h"

namespace messenger::nft {

enum class Verb : std::uint8_t { add, create, offer, remove, discard, refresh, flush };

struct Operation {
    Verb verb = Verb::add;
    SetId set = SetId::pinholes4;
    Element element;  ///< remove and discard look at the key only, flush at nothing
};

/// Changes to the sets that happen together or not at all. A plain value: nothing happens before Ruleset::commit.
/// Keeps its storage across clear(), so that a warm one does not allocate.
class Transaction {
   public:
    /// Makes the element. One that is there already keeps its comment, and before kernel 6.12 its timeout; in a map
    /// that leads elsewhere, it makes the kernel refuse the transaction (EBUSY).
    void add(SetId set, const Element& element) { operations_.push_back({Verb::add, set, element}); }
    /// Makes the element; if it is there already, commit leaves this operation out and counts it.
    void create(SetId set, const Element& element) { operations_.push_back({Verb::create, set, element}); }
    /// Makes the element if the set has room for it; if it has not, commit leaves this operation out and counts it. One
    /// that is there already is treated as by add().
    void offer(SetId set, const Element& element) { operations_.push_back({Verb::offer, set, element}); }
    /// Takes the element away; if it has just timed out, commit leaves this operation out and counts it.
    void remove(SetId set, const Key& key) { operations_.push_back({Verb::remove, set, Element{key, {}, {}}}); }
    /// Takes the element away if it is there, which is as likely as not: each removal of one that is not costs another
    /// attempt, and the kernel lets some milliseconds pass before it has given the first one up. Not in a map.
    void discard(SetId set, const Key& key) { operations_.push_back({Verb::discard, set, Element{key, {}, {}}}); }
    /// Gives the element a new timeout, comment and target: delete and add, because kernels before 6.12 ignore the new
    /// timeout of an element that is there. One that has just timed out is made anew. Counters start at zero.
    void refresh(SetId set, const Element& element) { operations_.push_back({Verb::refresh, set, element}); }
    /// Forgets of what was added here, after the first so many operations, all that matches.
    template <class Matches>
    void take_back(std::size_t first, Matches matches) {
        const auto begin = operations_.begin() + static_cast<std::ptrdiff_t>(first);
        operations_.erase(std::remove_if(begin, operations_.end(), matches), operations_.end());
    }
    /// Takes all elements away.
    void flush(SetId set) { operations_.push_back({Verb::flush, set, {}}); }

    [[nodiscard]] std::span<const Operation> operations() const { return operations_; }
    [[nodiscard]] bool empty() const { return operations_.empty(); }
    void clear() { operations_.clear(); }

    /// The commands for `nft -f`, one per line; a refresh takes two.
    [[nodiscard]] std::string to_nft() const;

   private:
    std::vector<Operation> operations_;
};

/// One operation as nft(8) command, without the line end: "add element inet messenger_alg pinholes4 { ... }".
[[nodiscard]] std::string to_nft(const Operation& operation);

}  // namespace messenger::nft
