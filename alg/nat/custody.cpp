// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/custody.h"

#include <algorithm>
#include <cassert>

#include "alg/nat/state_bytes.h"
#include "alg/net/stream.h"

namespace messenger::alg {

std::uint32_t Custody::behind(std::uint32_t position) const {
    return position - begin_ < bytes_.size() ? end() : position;
}

std::string_view Custody::between(std::uint32_t begin, std::uint32_t end_at) const {
    if (!sequence_before(begin, end_at) || sequence_before(begin, begin_)) return {};
    // By distances, which are never negative: positions half the numbers apart have no order among them.
    const std::uint32_t skipped = begin - begin_;
    if (skipped >= bytes_.size()) return {};
    return std::string_view(bytes_).substr(skipped, end_at - begin);
}

void Custody::take(std::uint32_t position, std::string_view bytes) {
    if (bytes.empty()) return;
    assert(empty() || position == end());
    if (empty()) begin_ = position;
    bytes_.append(bytes);
    taken_ = true;
}

void Custody::release_before(std::uint32_t position) {
    if (empty() || !sequence_before(begin_, position)) return;
    const std::size_t count = std::min<std::size_t>(position - begin_, bytes_.size());
    bytes_.erase(0, count);
    begin_ += static_cast<std::uint32_t>(count);
}

void Custody::save(std::vector<std::byte>& to) const {
    StateWriter writer(to);
    writer.u8(taken_ ? 1 : 0);
    writer.u32(begin_);
    writer.text(bytes_);
}

std::optional<Custody> Custody::load(std::span<const std::byte>& from) {
    StateReader reader(from);
    Custody custody;
    custody.taken_ = reader.flag();
    custody.begin_ = reader.u32();
    custody.bytes_ = reader.text(kMost);
    if (!reader.good() || (!custody.taken_ && !custody.empty())) return std::nullopt;
    from = reader.rest();
    return custody;
}

}  // namespace messenger::alg
