// SPDX-License-Identifier: GPL-2.0-or-later
// Input: an octet that selects the link type, then a frame. What is found must lie inside the frame, be a whole packet,
// and be found again when it stands alone.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "daemon/capture/link_layer.h"
#include "daemon/capture/tunnel.h"

namespace {

using messenger::daemon::InnermostPacket;
using messenger::daemon::IpHeader;
using messenger::daemon::Octets;

void require(bool condition) {
    if (!condition) std::abort();
}

bool lies_inside(Octets inner, Octets outer) {
    if (inner.empty()) return true;
    return inner.data() >= outer.data() && inner.data() + inner.size() <= outer.data() + outer.size();
}

constexpr std::array<int, 13> kLinkTypes{0, 1, 9, 12, 14, 50, 101, 108, 113, 228, 229, 239, 276};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const Octets frame = std::as_bytes(std::span(data + 1, size - 1));
    const auto link = messenger::daemon::find_ip_packet(kLinkTypes.at(data[0] % kLinkTypes.size()), frame);
    const auto* packet = std::get_if<Octets>(&link);
    if (packet == nullptr) return 0;
    require(lies_inside(*packet, frame));
    const auto found = messenger::daemon::find_innermost_packet(*packet);
    const auto* innermost = std::get_if<InnermostPacket>(&found);
    if (innermost == nullptr) return 0;
    const IpHeader& header = innermost->header;
    require(!header.packet.empty() && lies_inside(header.packet, *packet));
    require(innermost->tunnels <= messenger::daemon::kMaxTunnels);
    require(header.header_size <= header.payload_at && header.payload_at <= header.packet.size());
    require(header.next_header_at < header.header_size);
    const auto again = messenger::daemon::find_innermost_packet(header.packet);
    const auto* same = std::get_if<InnermostPacket>(&again);
    require(same != nullptr && same->tunnels == 0 && same->header.packet.size() == header.packet.size());
    return 0;
}
