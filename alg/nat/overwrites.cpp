// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/overwrites.h"

#include <algorithm>

#include "alg/net/stream.h"

namespace messenger::alg {

bool Overwrites::add(std::uint32_t sequence, const EditList& edits) {
    if (edits.spoilt()) return false;
    std::size_t bytes = bytes_;
    for (std::size_t i = 0; i < edits.size(); ++i) {
        const EditList::Edit edit = edits[i];
        const bool passed = begun_ && sequence_before(sequence + edit.at, passed_);
        if (passed || edit.length != edit.replacement.size()) return false;
        bytes += edit.length;
    }
    if (bytes > kMostBytes) return false;
    bytes_ = bytes;
    for (std::size_t i = 0; i < edits.size(); ++i) {
        pieces_.push_back({sequence + edits[i].at, std::string(edits[i].replacement)});
    }
    return true;
}

bool Overwrites::apply(std::uint32_t sequence, std::span<char> payload) const {
    const std::uint32_t end = sequence + static_cast<std::uint32_t>(payload.size());
    bool differs = false;
    for (const Piece& piece : pieces_) {
        const std::uint32_t from = sequence_before(piece.begin, sequence) ? sequence : piece.begin;
        const std::uint32_t to = sequence_before(end, piece.end()) ? end : piece.end();
        if (!sequence_before(from, to)) continue;
        const auto part = std::string_view(piece.bytes).substr(from - piece.begin, to - from);
        const auto place = payload.subspan(from - sequence, part.size());
        differs = differs || !std::equal(part.begin(), part.end(), place.begin());
        std::copy(part.begin(), part.end(), place.begin());
    }
    return differs;
}

void Overwrites::on_segment(std::uint32_t sequence, std::size_t size) {
    const std::uint32_t end = sequence + static_cast<std::uint32_t>(size);
    // Beyond every window: nobody reads it.
    if (begun_ && sequence_distance(passed_, end) > StreamReassembler::kLargestWindow) return;
    if (!begun_ || sequence_before(passed_, end)) passed_ = end;
    begun_ = true;
    // Acknowledgements may take another way; one day the numbers come round again.
    forget_before(passed_ - static_cast<std::uint32_t>(StreamReassembler::kLargestWindow));
}

void Overwrites::on_acknowledgement(std::uint32_t sequence) {
    // Of what has not passed yet nothing can have arrived.
    if (!sequence_before(passed_, sequence)) forget_before(sequence);
}

void Overwrites::forget_before(std::uint32_t sequence) {
    std::erase_if(pieces_, [&](const Piece& piece) {
        const bool arrived = !sequence_before(sequence, piece.end());
        if (arrived) bytes_ -= piece.bytes.size();
        return arrived;
    });
}

}  // namespace messenger::alg
