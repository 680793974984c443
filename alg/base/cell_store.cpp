// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/base/cell_store.h"

#include <algorithm>

namespace messenger::alg {

CellStore::Id CellStore::take() {
    if (free_ == kNone) {
        const auto first = static_cast<Id>(chunks_.size() * kChunk);
        Chunk& chunk = *chunks_.emplace_back(std::make_unique<Chunk>());
        for (std::size_t i = 0; i < kChunk; ++i)
            chunk[i].next = i + 1 < kChunk ? first + static_cast<Id>(i) + 1 : kNone;
        free_ = first;
    }
    const Id taken = free_;
    free_ = cell(taken).next;
    cell(taken).next = kNone;
    ++used_;
    return taken;
}

void CellStore::free_chain(Id first) {
    while (first != kNone) {
        const Id next = cell(first).next;
        cell(first).next = free_;
        free_ = first;
        first = next;
        --used_;
    }
}

void CellStore::write(Record& record, std::span<const std::byte> bytes) {
    record.size = static_cast<std::uint32_t>(bytes.size());
    Id* link = &record.first;
    while (!bytes.empty()) {
        if (*link == kNone) {
            const Id taken = take();
            *link = taken;
        }
        Cell& into = cell(*link);
        const auto part = bytes.first(std::min(bytes.size(), kCellBytes));
        std::copy(part.begin(), part.end(), into.bytes.begin());
        bytes = bytes.subspan(part.size());
        link = &into.next;
    }
    free_chain(*link);
    *link = kNone;
}

void CellStore::read(const Record& record, std::vector<std::byte>& to) const {
    to.resize(record.size);
    std::span<std::byte> rest(to);
    for (Id at = record.first; at != kNone; at = cell(at).next) {
        const std::size_t size = std::min(rest.size(), kCellBytes);
        std::copy_n(cell(at).bytes.begin(), size, rest.begin());
        rest = rest.subspan(size);
    }
}

}  // namespace messenger::alg
