// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace messenger::alg {

/// A hash table whose entries stay where they are and have numbers of 32 bits, so that others can name them in 4 bytes.
/// An entry costs its own size and about 10 bytes, without the heap's overhead, and its place is used again after
/// erase(): a table that has once been as full takes no heap any more. Nor does it give any back.
///
/// Hash must mix well in its low bits. Entries are visited in the order of their places, which those of erased ones
/// upset; erasing the entry at hand is allowed meanwhile.
template <class Key, class Value, class Hash>
class SlotTable {
   public:
    using Id = std::uint32_t;
    using Entry = std::pair<const Key, Value>;
    static constexpr Id kNone = UINT32_MAX;

    template <class Table>
    class Cursor {
       public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = Entry;
        using difference_type = std::ptrdiff_t;
        using reference = std::conditional_t<std::is_const_v<Table>, const Entry&, Entry&>;
        using pointer = std::remove_reference_t<reference>*;

        Cursor() = default;
        Cursor(Table& table, Id id) : table_(&table), id_(id) {}
        [[nodiscard]] Id id() const { return id_; }
        reference operator*() const { return table_->at(id_); }
        pointer operator->() const { return &table_->at(id_); }
        Cursor& operator++() {
            id_ = table_->used_from(id_ + 1);
            return *this;
        }
        Cursor operator++(int) {
            Cursor before = *this;
            ++*this;
            return before;
        }
        bool operator==(const Cursor&) const = default;

       private:
        Table* table_ = nullptr;
        Id id_ = kNone;
    };
    using iterator = Cursor<SlotTable>;
    using const_iterator = Cursor<const SlotTable>;

    explicit SlotTable(const Hash& hash) : hash_(hash) {}
    SlotTable(const SlotTable&) = delete;
    SlotTable& operator=(const SlotTable&) = delete;
    SlotTable(SlotTable&&) = delete;
    SlotTable& operator=(SlotTable&&) = delete;
    ~SlotTable() {
        for (auto at = begin(); at != end(); ++at) std::destroy_at(&*at);
    }

    [[nodiscard]] iterator find(const Key& key) { return {*this, id_of(key)}; }
    [[nodiscard]] const_iterator find(const Key& key) const { return {*this, id_of(key)}; }
    /// Of an entry that there is.
    [[nodiscard]] iterator cursor(Id id) { return {*this, id}; }
    [[nodiscard]] bool contains(const Key& key) const { return id_of(key) != kNone; }
    /// Whether there is an entry of that number now.
    [[nodiscard]] bool holds(Id id) const {
        return id / kChunk < chunks_.size() && (chunks_[id / kChunk]->used >> (id % kChunk) & 1U) != 0;
    }
    [[nodiscard]] Entry& at(Id id) {
        assert(holds(id));
        return chunks_[id / kChunk]->places[id % kChunk].entry;
    }
    [[nodiscard]] const Entry& at(Id id) const {
        assert(holds(id));
        return chunks_[id / kChunk]->places[id % kChunk].entry;
    }

    /// The entry, made if there is none; true if it was.
    std::pair<iterator, bool> try_emplace(const Key& key) {
        if (const Id known = id_of(key); known != kNone) return {{*this, known}, false};
        if (size_ == buckets_.size()) spread();
        if (free_ == kNone) add_chunk();
        const Id id = free_;
        Chunk& chunk = *chunks_[id / kChunk];
        std::construct_at(&chunk.places[id % kChunk].entry, std::piecewise_construct, std::forward_as_tuple(key),
                          std::forward_as_tuple());
        free_ = next_of(id);
        chunk.used |= std::uint64_t{1} << (id % kChunk);
        link(id);
        ++size_;
        return {{*this, id}, true};
    }
    [[nodiscard]] Value& operator[](const Key& key) { return try_emplace(key).first->second; }

    void erase(iterator entry) { erase(entry.id()); }
    void erase(Id id) {
        Entry& entry = at(id);
        Id* from = &bucket_of(entry.first);
        while (*from != id) from = &next_of(*from);
        *from = next_of(id);
        std::destroy_at(&entry);
        chunks_[id / kChunk]->used &= ~(std::uint64_t{1} << (id % kChunk));
        next_of(id) = free_;
        free_ = id;
        --size_;
    }

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] iterator begin() { return {*this, used_from(0)}; }
    [[nodiscard]] iterator end() { return {*this, kNone}; }
    [[nodiscard]] const_iterator begin() const { return {*this, used_from(0)}; }
    [[nodiscard]] const_iterator end() const { return {*this, kNone}; }

   private:
    static constexpr Id kChunk = 64;
    static constexpr std::size_t kFirstBuckets = 16;
    union Place {
        Place() {}   // NOLINT(modernize-use-equals-default): it holds nothing yet
        ~Place() {}  // NOLINT(modernize-use-equals-default): SlotTable knows whether it holds something
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        Place(Place&&) = delete;
        Place& operator=(Place&&) = delete;
        Entry entry;
    };
    struct Chunk {
        std::uint64_t used = 0;       ///< a bit for each place
        std::array<Id, kChunk> next;  ///< of the same bucket, or the next free place
        std::array<Place, kChunk> places;
    };

    [[nodiscard]] Id& next_of(Id id) { return chunks_[id / kChunk]->next[id % kChunk]; }
    [[nodiscard]] Id& bucket_of(const Key& key) { return buckets_[hash_(key) & (buckets_.size() - 1)]; }
    [[nodiscard]] Id id_of(const Key& key) const {
        if (buckets_.empty()) return kNone;
        Id id = buckets_[hash_(key) & (buckets_.size() - 1)];
        while (id != kNone && at(id).first != key) id = chunks_[id / kChunk]->next[id % kChunk];
        return id;
    }
    /// The first number from there on that has an entry; kNone if none has.
    [[nodiscard]] Id used_from(Id id) const {
        for (std::size_t chunk = id / kChunk; chunk < chunks_.size(); ++chunk) {
            const std::uint64_t rest = chunks_[chunk]->used >> (id % kChunk) << (id % kChunk);
            if (rest != 0) return static_cast<Id>(chunk * kChunk) + static_cast<Id>(std::countr_zero(rest));
            id = 0;
        }
        return kNone;
    }
    void link(Id id) {
        Id& bucket = bucket_of(at(id).first);
        next_of(id) = bucket;
        bucket = id;
    }
    void add_chunk() {
        const auto first = static_cast<Id>(chunks_.size() * kChunk);
        Chunk& chunk = *chunks_.emplace_back(std::make_unique<Chunk>());
        for (Id i = 0; i < kChunk; ++i) chunk.next[i] = i + 1 < kChunk ? first + i + 1 : kNone;
        free_ = first;
    }
    /// Twice as many buckets.
    void spread() {
        buckets_.assign(buckets_.empty() ? kFirstBuckets : 2 * buckets_.size(), kNone);
        for (Id id = used_from(0); id != kNone; id = used_from(id + 1)) link(id);
    }

    Hash hash_;
    std::size_t size_ = 0;
    Id free_ = kNone;          ///< the first free place
    std::vector<Id> buckets_;  ///< a power of two of them, each with its first entry
    std::vector<std::unique_ptr<Chunk>> chunks_;
};

}  // namespace messenger::alg
