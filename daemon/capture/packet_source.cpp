// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/packet_source.h"

#include "daemon/capture/link_layer.h"
#include "daemon/capture/tunnel.h"

namespace messenger::daemon {

std::optional<CapturedPacket> PacketSource::next() {
    while (const CapturedFrame* frame = file_.next()) {
        ++counts_.frames;
        const Octets packet = unwrap(*frame);
        if (packet.empty()) continue;
        ++counts_.packets;
        return CapturedPacket{frame->time, counts_.frames, packet};
    }
    reassembler_.give_up_all();
    return std::nullopt;
}

/// Empty if the frame gives no packet; it has then been counted.
Octets PacketSource::unwrap(const CapturedFrame& frame) {
    const std::variant<Octets, LeftOut> link = find_ip_packet(frame.link_type, frame.octets);
    if (const auto* reason = std::get_if<LeftOut>(&link)) {
        leave_out(*reason);
        return {};
    }
    Octets packet = std::get<Octets>(link);
    unsigned tunnels = 0;
    // Every level may be fragmented: outside of all tunnels, in each, and in the innermost.
    for (unsigned level = 0; level <= kMaxTunnels + 1; ++level) {
        const std::variant<InnermostPacket, LeftOut> found = find_innermost_packet(packet, tunnels);
        if (const auto* reason = std::get_if<LeftOut>(&found)) {
            leave_out(*reason);
            return {};
        }
        const InnermostPacket& innermost = std::get<InnermostPacket>(found);
        if (!innermost.header.is_fragment) return innermost.header.packet;
        const IpReassembler::Result joined = reassembler_.push(frame.time, innermost.header);
        if (joined.refused) {
            leave_out(*joined.refused);
            return {};
        }
        if (joined.packet.empty()) {
            ++counts_.held_fragments;
            return {};
        }
        packet = joined.packet;
        tunnels = innermost.tunnels;
    }
    leave_out(LeftOut::too_many_tunnels);
    return {};
}

}  // namespace messenger::daemon
