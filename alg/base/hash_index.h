// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace messenger::alg {

/// Finds the places of the entries of a list by their hashes, for lists that are made anew again and again: clearing it
/// takes one step, and filling it takes no heap once it has been as large.
class HashIndex {
   public:
    void clear() {
        size_ = 0;
        if (++generation_ != 0) return;
        slots_.assign(slots_.size(), {});
        generation_ = 1;
    }
    /// The place with that hash for which is_it(place) holds; absent if there is none.
    template <class IsIt>
    [[nodiscard]] std::optional<std::size_t> find(std::size_t hash, IsIt&& is_it) const {
        if (size_ == 0) return std::nullopt;
        const auto low = static_cast<std::uint32_t>(hash);
        for (std::size_t at = low & mask();; at = (at + 1) & mask()) {
            const Slot& slot = slots_[at];
            if (slot.generation != generation_) return std::nullopt;
            if (slot.hash == low && is_it(std::size_t{slot.place})) return slot.place;
        }
    }
    void add(std::size_t hash, std::size_t place) {
        if (2 * (size_ + 1) > slots_.size()) spread();
        put({static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(place), generation_});
        ++size_;
    }

   private:
    static constexpr std::size_t kFirstSlots = 64;
    struct Slot {
        std::uint32_t hash = 0;
        std::uint32_t place = 0;
        std::uint32_t generation = 0;  ///< free if it is not the index's
    };

    [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
    void put(const Slot& slot) {
        std::size_t at = slot.hash & mask();
        while (slots_[at].generation == generation_) at = (at + 1) & mask();
        slots_[at] = slot;
    }
    /// Twice as many slots.
    void spread() {
        std::vector<Slot> before(std::max(kFirstSlots, 2 * slots_.size()));
        before.swap(slots_);
        for (const Slot& slot : before) {
            if (slot.generation == generation_) put(slot);
        }
    }

    std::size_t size_ = 0;
    std::uint32_t generation_ = 1;
    std::vector<Slot> slots_;  ///< a power of two of them, at most half of them taken
};

}  // namespace messenger::alg
