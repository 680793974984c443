// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/held_segments.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace messenger::alg {

void HeldSegments::insert(PacketToken token, std::span<const std::byte> packet, const PacketView& view) {
    assert(std::all_of(begin(), end(), [](const Segment& known) { return known.borrowed.empty(); }));
    Segment segment;
    segment.token = token;
    segment.begin = view.tcp.sequence;
    segment.end = segment.begin + static_cast<std::uint32_t>(view.payload.size());
    segment.fin = view.tcp.fin;
    segment.borrowed = packet;
    const auto place =
        std::find_if(begin(), end(), [&](const Segment& known) { return sequence_before(segment.begin, known.begin); });
    segments_.insert(place, std::move(segment));
    bytes_ += packet.size();
}

void HeldSegments::copy_borrowed() {
    for (Segment& segment : segments_) {
        if (segment.borrowed.empty()) continue;
        segment.copy.assign(segment.borrowed.begin(), segment.borrowed.end());
        segment.borrowed = {};
    }
}

void HeldSegments::erase_front(std::size_t count) {
    const auto kept = segments_.begin() + static_cast<std::ptrdiff_t>(count);
    for (auto segment = segments_.begin(); segment != kept; ++segment) bytes_ -= segment->packet().size();
    segments_.erase(segments_.begin(), kept);
}

std::size_t HeldSegments::count_until(std::uint32_t position) const {
    const auto behind =
        std::find_if(begin(), end(), [&](const Segment& held) { return sequence_before(position, held.end); });
    return static_cast<std::size_t>(behind - begin());
}

}  // namespace messenger::alg
