// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <vector>

#include "alg/base/cell_store.h"
#include "alg/base/deadlines.h"
#include "alg/base/slot_table.h"
#include "alg/call/call.h"
#include "alg/limits.h"
#include "alg/net/hash.h"

namespace messenger::alg {

/// Every call, by Call-ID. Owns them.
///
/// Most calls have nothing happen to them at a moment, so they are kept as records (call_record.h), and only those at
/// hand are Calls: find(), add(), restore() and pop_due() lay them on the desk, where they stay and may be changed
/// until settle() writes them down again. Their Call-IDs live on until release(), because the plan of the moment points
/// at them, whatever has become of the calls.
class CallTable {
   private:
    /// What is known of a call at rest.
    struct Rest {
        TimePoint queued = TimePoint::max();  ///< the earliest entry for it in the deadline queue
        TimePoint due = TimePoint::max();     ///< when it is to be looked at: then, or later than queued
        CellStore::Record record;
        std::uint32_t place = kNoPlace;  ///< on the desk
    };
    static constexpr std::uint32_t kNoPlace = UINT32_MAX;
    using Calls = SlotTable<std::uint64_t, Rest, KeyedHash>;
    /// Where a call is laid that is only read; kept for its memory.
    struct ReadingDesk {
        Call call;
        std::vector<std::byte> record;
    };

   public:
    CallTable(const Limits& limits, const HashKey& secret)
        : limits_(limits), calls_(KeyedHash{secret}), hosts_(KeyedHash{secret}), peers_(KeyedHash{secret}) {}

    [[nodiscard]] Call* find(std::uint64_t key);
    [[nodiscard]] bool contains(std::uint64_t key) const { return calls_.contains(key); }
    /// For reading: good until another one is asked for like this, or label_of(), or the table changes.
    [[nodiscard]] const Call* find(std::uint64_t key) const;
    /// A new call; nullptr if the table is full, or one of its hosts has too many: calls of strangers that were refused
    /// make room for it. charged_to: an inside host. caller:
    /// the outside host that begins it; absent for a call that an inside host begins.
    [[nodiscard]] Call* add(std::uint64_t key, std::string_view call_id, const IpAddress& charged_to,
                            const std::optional<IpAddress>& caller, TimePoint now);
    /// An inside host takes part of its own will: the call does not count as a stranger's any more.
    void set_invited(Call& call);
    /// An inside host has turned it down. If it was a stranger's, it is only kept for what is sent again, and as long
    /// as there is room.
    void note_refused(const Call& call);
    /// A call from before a restart, whatever the limits say: it exists.
    [[nodiscard]] Call& restore(std::uint64_t key, std::string_view call_id, const IpAddress& charged_to,
                                TimePoint now);
    void erase(std::uint64_t key);

    /// Whether it lies on the desk.
    [[nodiscard]] bool is_at_hand(std::uint64_t key) const {
        const auto found = calls_.find(key);
        return found != calls_.end() && found->second.place != kNoPlace;
    }
    /// Clears the desk: no Call& is good any more.
    void settle();
    /// The same, and the Call-IDs go, too.
    void release() {
        settle();
        texts_.release();
    }
    /// Call::label(), with a Call-ID that lives until release(). Absent if there is no such call.
    [[nodiscard]] std::optional<CallLabel> label_of(std::uint64_t key) const;

    /// Makes sure that the call is looked at when its earliest dialog ends, or its callbacks are to be seen to.
    void schedule(const Call& call);
    [[nodiscard]] Call* pop_due(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_deadline() const { return deadlines_.next(); }

    [[nodiscard]] std::size_t size() const { return calls_.size(); }
    /// Calls change(call) for each; the calls are settled.
    template <class Change>
    void each(Change&& change) {
        for (auto at = calls_.begin(); at != calls_.end(); ++at) {
            change(fetch(at.id()));
            settle();
        }
    }

    /// Every call for reading, one after the other: (key, call). Each is good until the next one is asked for, or the
    /// table changes; find() does not harm it.
    class Reading {
       public:
        struct Entry {
            std::uint64_t first;
            const Call& second;
            const Entry* operator->() const { return this; }
        };
        class Cursor {
           public:
            using iterator_category = std::input_iterator_tag;
            using value_type = Entry;
            using difference_type = std::ptrdiff_t;
            using pointer = Entry;
            using reference = Entry;
            Cursor(const Reading& reading, Calls::const_iterator at) : reading_(&reading), at_(at) {}
            Entry operator*() const { return {at_->first, reading_->table_.read(at_, reading_->desk_)}; }
            Entry operator->() const { return **this; }
            Cursor& operator++() {
                ++at_;
                return *this;
            }
            Cursor operator++(int) {
                Cursor before = *this;
                ++*this;
                return before;
            }
            bool operator==(const Cursor& other) const { return at_ == other.at_; }

           private:
            const Reading* reading_;
            Calls::const_iterator at_;
        };
        explicit Reading(const CallTable& table) : table_(table) {}
        Reading(const Reading&) = delete;
        Reading& operator=(const Reading&) = delete;
        Reading(Reading&&) = delete;
        Reading& operator=(Reading&&) = delete;
        ~Reading() = default;
        [[nodiscard]] Cursor begin() const { return {*this, table_.calls_.begin()}; }
        [[nodiscard]] Cursor end() const { return {*this, table_.calls_.end()}; }

       private:
        const CallTable& table_;
        mutable ReadingDesk desk_;
    };
    [[nodiscard]] Reading all() const { return Reading(*this); }

   private:
    static constexpr std::size_t kPlacesKept = 64;   ///< on the desk, for their memory
    static constexpr std::size_t kRefusedKept = 64;  ///< besides two for each call

    [[nodiscard]] Call& fetch(Calls::Id id);
    void queue(Calls::Id id, Rest& rest);
    [[nodiscard]] Call& take_place(Calls::iterator entry);
    [[nodiscard]] const Call& read(Calls::const_iterator entry, ReadingDesk& desk) const;
    [[nodiscard]] std::string_view keep_text(std::string_view text) const;
    [[nodiscard]] bool has_room(const IpAddress& charged_to, const std::optional<IpAddress>& caller) const;
    [[nodiscard]] bool forget_refused();

    const Limits& limits_;
    Calls calls_;
    CellStore records_;
    std::deque<Call> desk_;           ///< more than are taken; kept for their memory
    std::vector<Calls::Id> on_desk_;  ///< whose calls lie in the first places; kNone: that of an erased one
    std::vector<std::byte> bytes_;    ///< of the record at hand; kept for its memory
    mutable ReadingDesk found_;       ///< what find() for reading found last
    std::array<std::byte, 4096> texts_at_hand_{};  ///< without the heap, as long as they are few
    mutable std::pmr::monotonic_buffer_resource texts_{texts_at_hand_.data(), texts_at_hand_.size()};

    struct Share {
        std::size_t calls = 0;
        std::size_t uninvited = 0;
    };
    SlotTable<IpAddress, Share, KeyedHash> hosts_;        ///< inside
    SlotTable<IpAddress, std::size_t, KeyedHash> peers_;  ///< outside: the uninvited calls of each
    std::size_t uninvited_ = 0;
    std::vector<std::uint64_t> refused_;  ///< keys; some have gone, or live again
    Deadlines<Calls::Id> deadlines_;
};

}  // namespace messenger::alg
