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
        const Run& early = early_[taken_];
        const std::int64_t behind = distance(early.sequence, next_);
        if (behind < 0) break;
        run = {early.bytes.data(), early.bytes.size()};
        run.remove_prefix(std::min(run.size(), static_cast<std::size_t>(behind)));
        ++taken_;
    }
    next_ += static_cast<std::uint32_t>(run.size());
    return run;
}

void StreamReassembler::release() {
    if (taken_ == 0) return;
    const auto end = early_.begin() + static_cast<std::ptrdiff_t>(taken_);
    for (auto run = early_.begin(); run != end; ++run) buffered_ -= run->bytes.size();
    early_.erase(early_.begin(), end);
    taken_ = 0;
}

bool StreamReassembler::agrees_with_early(std::uint32_t sequence, std::string_view data) const {
    return std::all_of(early_.begin(), early_.end(), [&](const Run& run) {
        return agree(data, distance(sequence, run.sequence), {run.bytes.data(), run.bytes.size()});
    });
}

/// Copies what early_ does not have yet; what touches becomes one run. data agrees with early_ and begins after next_.
StreamReassembler::Outcome StreamReassembler::hold(std::uint32_t sequence, std::string_view data,
                                                   const Limits& limits) {
    const auto size = static_cast<std::int64_t>(data.size());
    const auto first =
        std::find_if(early_.begin(), early_.end(), [&](const Run& run) { return distance(sequence, run.end()) >= 0; });
    const auto last =
        std::find_if(first, early_.end(), [&](const Run& run) { return distance(sequence, run.sequence) > size; });
    std::size_t fresh = data.size();
    for (auto run = first; run != last; ++run) {
        const std::int64_t begin = std::max<std::int64_t>(distance(sequence, run->sequence), 0);
        const std::int64_t end = std::min(distance(sequence, run->end()), size);
        fresh -= static_cast<std::size_t>(end - begin);
    }
    if (fresh == 0) return Outcome::accepted;
    const bool one_more = first == last;
    if ((one_more && early_.size() >= limits.pending_segments) || buffered_ >= limits.pending_bytes ||
        fresh > limits.pending_bytes - buffered_) {
        return Outcome::overflow;
    }
    buffered_ += fresh;
    if (one_more) {
        early_.insert(first, Run{sequence, {data.begin(), data.end()}});
        return Outcome::accepted;
    }
    const std::int64_t gap = distance(sequence, first->sequence);
    if (gap > 0) {
        first->bytes.insert(first->bytes.begin(), data.begin(), data.begin() + gap);
        first->sequence = sequence;
    }
    if (const std::int64_t known = distance(sequence, first->end()); known < size) {
        first->bytes.insert(first->bytes.end(), data.begin() + known, data.end());
    }
    // Only the last of the others can reach beyond data.
    if (const auto reaches = std::prev(last); reaches != first) {
        const std::int64_t known = distance(reaches->sequence, first->end());
        if (known < static_cast<std::int64_t>(reaches->bytes.size())) {
            first->bytes.insert(first->bytes.end(), reaches->bytes.begin() + known, reaches->bytes.end());
        }
        early_.erase(std::next(first), last);
    }
    return Outcome::accepted;
}

}  // namespace messenger::alg
