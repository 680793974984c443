// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace messenger::alg {

/// Records of any length, each in a chain of small cells of one size. Whatever their lengths are and become, a freed
/// cell fits the next record, so the store is never larger than its records once were together; a store that has once
/// been as full takes no heap any more. Nor does it give any back.
class CellStore {
   public:
    using Id = std::uint32_t;
    static constexpr Id kNone = UINT32_MAX;
    static constexpr std::size_t kCellBytes = 60;  ///< of a record in each cell: with the link, a line of the cache

    /// What its owner keeps of a record. Default: an empty one.
    struct Record {
        Id first = kNone;
        std::uint32_t size = 0;
    };

    /// The record becomes these bytes.
    void write(Record& record, std::span<const std::byte> bytes);
    /// Its bytes, in place of what `to` holds.
    void read(const Record& record, std::vector<std::byte>& to) const;
    void release(Record& record) { write(record, {}); }

    [[nodiscard]] std::size_t cells_used() const { return used_; }

   private:
    static constexpr std::size_t kChunk = 256;
    struct Cell {
        Id next;
        std::array<std::byte, kCellBytes> bytes;
    };
    using Chunk = std::array<Cell, kChunk>;

    [[nodiscard]] Cell& cell(Id id) { return (*chunks_[id / kChunk])[id % kChunk]; }
    [[nodiscard]] const Cell& cell(Id id) const { return (*chunks_[id / kChunk])[id % kChunk]; }
    [[nodiscard]] Id take();
    void free_chain(Id first);

    std::vector<std::unique_ptr<Chunk>> chunks_;
    Id free_ = kNone;  ///< the first free cell
    std::size_t used_ = 0;
};

}  // namespace messenger::alg
