// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "alg/base/time.h"

namespace messenger::alg {

/// When to look at what: a heap of (moment, key). Entries are never moved or taken out. Whoever owns a key looks at its
/// true deadline when an entry comes due, and queues it again if that lies later; so prolonging a deadline, which media
/// does with every packet, costs nothing here. What has ended leaves its entries behind; compact() clears them away.
template <class Key>
class Deadlines {
   public:
    struct Entry {
        TimePoint when;
        Key key;
        bool operator>(const Entry& other) const { return when > other.when; }
    };

    void push(TimePoint when, const Key& key) {
        heap_.push_back({when, key});
        std::push_heap(heap_.begin(), heap_.end(), std::greater<>{});
    }

    [[nodiscard]] std::optional<TimePoint> next() const {
        if (heap_.empty()) return std::nullopt;
        return heap_.front().when;
    }

    /// The key of an entry that is due; absent when none is.
    [[nodiscard]] std::optional<Key> pop_due(TimePoint now) {
        if (heap_.empty() || heap_.front().when > now) return std::nullopt;
        return pop();
    }
    /// The same with its moment: where keys are given to others after an end, it shows whose entry it is.
    [[nodiscard]] std::optional<Entry> pop_entry_due(TimePoint now) {
        if (heap_.empty() || heap_.front().when > now) return std::nullopt;
        const Entry due = heap_.front();
        (void)pop();
        return due;
    }

    /// The key of the earliest entry, due or not; absent when there is none.
    [[nodiscard]] std::optional<Key> pop() {
        if (heap_.empty()) return std::nullopt;
        std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
        Key key = heap_.back().key;
        heap_.pop_back();
        return key;
    }

    [[nodiscard]] std::size_t size() const { return heap_.size(); }

    /// Drops the entries for which live(when, key) is false once they could outnumber the others, which are at most
    /// `owners`: the heap then stays within a constant of what it is for.
    template <class Live>
    void compact(std::size_t owners, Live&& live) {
        if (heap_.size() <= 2 * owners + kSlack) return;
        std::erase_if(heap_, [&](const Entry& entry) { return !live(entry.when, entry.key); });
        std::make_heap(heap_.begin(), heap_.end(), std::greater<>{});
    }

    /// Queues a look at an owner: one of `owners`, a map, where it stands under `key`. Owners have a member `queued`,
    /// the moment of the one entry that counts for each; those before it are left behind, and cleared away sometime.
    template <class Owner, class Owners>
    void queue(const Key& key, TimePoint when, Owner& owner, const Owners& owners) {
        owner.queued = when;
        push(when, key);
        compact(owners.size(), [&owners](TimePoint moment, const Key& queued) {
            const auto found = owners.find(queued);
            return found != owners.end() && found->second.queued == moment;
        });
    }
    /// The same, unless it is looked at before that anyway.
    template <class Owner, class Owners>
    void queue_earlier(const Key& key, TimePoint when, Owner& owner, const Owners& owners) {
        if (when < owner.queued) queue(key, when, owner, owners);
    }

   private:
    static constexpr std::size_t kSlack = 1024;
    std::vector<Entry> heap_;
};

}  // namespace messenger::alg
