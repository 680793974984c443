// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/sequence_map.h"

#include <algorithm>

#include "alg/nat/state_bytes.h"
#include "alg/net/stream.h"

namespace messenger::alg {

std::uint32_t SequenceMap::Edit::part(std::uint32_t count) const {
    return count >= length ? replacement : std::min(count, replacement);
}

bool SequenceMap::has_room(std::size_t edits, std::size_t bytes) const {
    return edits_.size() <= kMaxEdits && edits <= kMaxEdits - edits_.size() && replacements_.size() <= kMaxBytes &&
           bytes <= kMaxBytes - replacements_.size();
}

bool SequenceMap::add(std::uint32_t begin, std::uint32_t length, std::string_view replacement) {
    if (length == 0 || length > kMaxLength || !has_room(1, replacement.size())) return false;
    if (!edits_.empty() &&
        (sequence_before(begin, edits_.back().end()) || begin + length - edits_.front().begin > kMaxSpan)) {
        return false;
    }
    edits_.push_back({begin, length, static_cast<std::uint32_t>(replacement.size()), shift()});
    replacements_.append(replacement);
    edited_ = true;
    return true;
}

std::uint32_t SequenceMap::out(std::uint32_t sequence) const {
    // Positions that are asked about lie less than 2^31 from every edit that is not folded: so they are in order.
    const auto next = std::partition_point(
        edits_.begin(), edits_.end(), [sequence](const Edit& edit) { return !sequence_before(sequence, edit.begin); });
    if (next == edits_.begin()) return sequence + base_;
    const Edit& edit = *(next - 1);
    const std::uint32_t inside = sequence - edit.begin;
    return inside < edit.length ? edit.out_begin() + edit.part(inside) : sequence + edit.shift_after();
}

std::uint32_t SequenceMap::in(std::uint32_t sequence) const {
    const auto next = std::partition_point(edits_.begin(), edits_.end(), [sequence](const Edit& edit) {
        return !sequence_before(sequence, edit.out_begin());
    });
    if (next == edits_.begin()) return sequence - base_;
    const Edit& edit = *(next - 1);
    const std::uint32_t inside = sequence - edit.out_begin();
    return inside < edit.replacement ? edit.begin + std::min(inside, edit.length - 1) : sequence - edit.shift_after();
}

std::uint32_t SequenceMap::in_from(std::uint32_t sequence) const {
    const auto next = std::partition_point(edits_.begin(), edits_.end(), [sequence](const Edit& edit) {
        return sequence_before(edit.out_begin(), sequence);
    });
    if (next == edits_.begin()) return sequence - base_;
    const Edit& edit = *(next - 1);
    const std::uint32_t inside = sequence - edit.out_begin();
    return inside <= edit.replacement ? edit.begin + std::min(inside, edit.length) : sequence - edit.shift_after();
}

bool SequenceMap::changes(std::uint32_t sequence, std::size_t length) const {
    const std::uint32_t end = sequence + static_cast<std::uint32_t>(length);
    return std::any_of(edits_.begin(), edits_.end(), [&](const Edit& edit) {
        return sequence_before(edit.begin, end) && sequence_before(sequence, edit.end());
    });
}

void SequenceMap::render(std::uint32_t sequence, std::string_view bytes, std::string& output) const {
    std::size_t replacement_at = 0;
    for (const Edit& edit : edits_) {
        const std::string_view replacement = std::string_view(replacements_).substr(replacement_at, edit.replacement);
        replacement_at += edit.replacement;
        const std::uint32_t end = sequence + static_cast<std::uint32_t>(bytes.size());
        if (bytes.empty() || !sequence_before(edit.begin, end)) break;
        if (!sequence_before(sequence, edit.end())) continue;
        std::uint32_t from = 0;  // of the edit's input
        if (sequence_before(sequence, edit.begin)) {
            const std::uint32_t before = edit.begin - sequence;
            output.append(bytes.substr(0, before));
            bytes.remove_prefix(before);
            sequence += before;
        } else {
            from = sequence - edit.begin;
        }
        const std::uint32_t to = from + std::min(edit.length - from, static_cast<std::uint32_t>(bytes.size()));
        output.append(replacement.substr(edit.part(from), edit.part(to) - edit.part(from)));
        bytes.remove_prefix(to - from);
        sequence += to - from;
    }
    output.append(bytes);
}

void SequenceMap::acknowledge(std::uint32_t sequence) {
    std::size_t folded = 0;
    std::size_t bytes = 0;
    for (const Edit& edit : edits_) {
        if (sequence_before(sequence, edit.out_end())) break;
        const bool many = edits_.size() - folded > kKeptEdits;
        if (!many && sequence - edit.out_end() <= kKeptDistance) break;
        base_ = edit.shift_after();
        bytes += edit.replacement;
        ++folded;
    }
    edits_.erase(edits_.begin(), edits_.begin() + static_cast<std::ptrdiff_t>(folded));
    replacements_.erase(0, bytes);
}

void SequenceMap::save(std::vector<std::byte>& to) const {
    StateWriter writer(to);
    writer.u8(edited_ ? 1 : 0);
    writer.u32(base_);
    writer.u32(static_cast<std::uint32_t>(edits_.size()));
    std::size_t replacement_at = 0;
    for (const Edit& edit : edits_) {
        writer.u32(edit.begin);
        writer.u32(edit.length);
        writer.text(std::string_view(replacements_).substr(replacement_at, edit.replacement));
        replacement_at += edit.replacement;
    }
}

std::optional<SequenceMap> SequenceMap::load(std::span<const std::byte>& from) {
    StateReader reader(from);
    SequenceMap map;
    const bool edited = reader.flag();
    map.base_ = reader.u32();
    const std::uint32_t count = reader.u32();
    if (!reader.good() || count > kMaxEdits || (!edited && (count > 0 || map.base_ != 0))) return std::nullopt;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t begin = reader.u32();
        const std::uint32_t length = reader.u32();
        const std::string_view replacement = reader.text(kMaxBytes);
        if (!reader.good() || !map.add(begin, length, replacement)) return std::nullopt;
    }
    map.edited_ = edited;
    from = reader.rest();
    return map;
}

}  // namespace messenger::alg
