// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/net/stream.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <iterator>
#include <utility>

namespace messenger::alg {

namespace {

/// How far position lies after origin. Segments that are compared lie less than 2^31 apart.
[[nodiscard]] std::int64_t distance(std::uint32_t origin, std::uint32_t position) {
    return static_cast<std::int32_t>(position - origin);
}

/// Whether two segments say the same about the bytes that both of them carry. offset: of right, in bytes after left.
[[nodiscard]] bool agree(std::string_view left, std::int64_t offset, std::string_view right) {
    if (offset < 0) {
        std::swap(left, right);
        offset = -offset;
    }
    const auto skip = static_cast<std::uint64_t>(offset);
    if (skip >= left.size()) return true;
    left.remove_prefix(static_cast<std::size_t>(skip));
    const std::size_t common = std::min(left.size(), right.size());
    return std::memcmp(left.data(), right.data(), common) == 0;
}

}  // namespace

StreamReassembler::Outcome StreamReassembler::push(std::uint32_t sequence, std::string_view data,
                                                   const Limits& limits) {
    assert(ready_.empty());
    ready_ = {};
    release();

    const std::int64_t ahead = distance(next_, sequence);
    if (ahead < 0) {
        const auto old = static_cast<std::uint64_t>(-ahead);
        if (old >= data.size()) return Outcome::accepted;
        data.remove_prefix(static_cast<std::size_t>(old));
        sequence = next_;
    }
    if (data.empty() || ahead > kLargestWindow) return Outcome::accepted;
    if (!agrees_with_early(sequence, data)) return Outcome::conflict;
    if (ahead > 0) return hold(sequence, data, limits);
    ready_ = data;
    return Outcome::accepted;
}

std::string_view StreamReassembler::next() {
    std::string_view run = std::exchange(ready_, {});
    while (run.empty() && taken_ < early_.size()) {
        const Segment& segment = early_[taken_];
        const std::int64_t behind = distance(segment.sequence, next_);
        if (behind < 0) break;
        run = {segment.bytes.data(), segment.bytes.size()};
        run.remove_prefix(std::min(run.size(), static_cast<std::size_t>(behind)));
        ++taken_;
    }
    next_ += static_cast<std::uint32_t>(run.size());
    return run;
}

void StreamReassembler::release() {
    if (taken_ == 0) return;
    const auto end = early_.begin() + static_cast<std::ptrdiff_t>(taken_);
    for (auto segment = early_.begin(); segment != end; ++segment) buffered_ -= segment->bytes.size();
    early_.erase(early_.begin(), end);
    taken_ = 0;
}

bool StreamReassembler::agrees_with_early(std::uint32_t sequence, std::string_view data) const {
    return std::all_of(early_.begin(), early_.end(), [&](const Segment& segment) {
        return agree(data, distance(sequence, segment.sequence), {segment.bytes.data(), segment.bytes.size()});
    });
}

/// Copies what early_ does not have yet. data agrees with early_ and begins after next_.
StreamReassembler::Outcome StreamReassembler::hold(std::uint32_t sequence, std::string_view data,
                                                   const Limits& limits) {
    std::size_t at = 0;
    while (!data.empty()) {
        // Skip the segments that end before data, and cut off what the next one already holds.
        while (at < early_.size() &&
               distance(early_[at].sequence, sequence) >= static_cast<std::int64_t>(early_[at].bytes.size())) {
            ++at;
        }
        std::size_t fresh = data.size();
        std::size_t known = 0;
        if (at < early_.size()) {
            const std::int64_t gap = distance(sequence, early_[at].sequence);
            fresh = gap <= 0 ? 0 : std::min(fresh, static_cast<std::size_t>(gap));
            const std::int64_t end = gap + static_cast<std::int64_t>(early_[at].bytes.size());
            if (fresh < data.size()) known = std::min(data.size(), static_cast<std::size_t>(end)) - fresh;
        }
        if (fresh > 0) {
            if (early_.size() >= limits.pending_segments || buffered_ >= limits.pending_bytes ||
                fresh > limits.pending_bytes - buffered_) {
                return Outcome::overflow;
            }
            Segment segment;
            segment.sequence = sequence;
            segment.bytes.assign(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(fresh));
            early_.insert(early_.begin() + static_cast<std::ptrdiff_t>(at), std::move(segment));
            buffered_ += fresh;
        }
        data.remove_prefix(fresh + known);
        sequence += static_cast<std::uint32_t>(fresh + known);
    }
    return Outcome::accepted;
}

}  // namespace messenger::alg
