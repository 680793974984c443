// SPDX-License-Identifier: GPL-2.0-or-later
// Input: records of (seconds since the last one, length in two octets, that many octets of an IP packet). Whatever the
// fragments say, the limits hold, every datagram is counted once, and a joined packet is a whole one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "daemon/capture/ip_reassembly.h"

namespace {

using messenger::daemon::IpHeader;
using messenger::daemon::IpReassembler;
using messenger::daemon::Octets;
using messenger::daemon::ReassemblyLimits;

// Small enough for a short input to reach each of them.
constexpr ReassemblyLimits kLimits{.datagrams = 4, .octets = 4096, .fragments_per_datagram = 6};

void require(bool condition) {
    if (!condition) std::abort();
}

void check_whole(Octets packet, bool is_v6) {
    const auto read = messenger::daemon::read_ip_header(packet);
    const auto* header = std::get_if<IpHeader>(&read);
    // What stood behind the fragment header may be a chain of extension headers that is broken.
    if (header == nullptr) {
        require(is_v6 && std::get<messenger::daemon::LeftOut>(read) == messenger::daemon::LeftOut::bad_ip_header);
        return;
    }
    require(header->is_v6 == is_v6 && header->packet.size() == packet.size());
    require(is_v6 || !header->is_fragment);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Octets input = std::as_bytes(std::span(data, size));
    IpReassembler reassembler(kLimits);
    messenger::alg::TimePoint now{};
    while (input.size() >= 3) {
        now += std::chrono::seconds(messenger::daemon::read8(input, 0));
        const std::size_t length = std::min<std::size_t>(messenger::daemon::read16(input, 1), input.size() - 3);
        // A block of its own, so that an overread into the next record shows.
        const std::vector<std::byte> packet(input.begin() + 3, input.begin() + 3 + static_cast<std::ptrdiff_t>(length));
        input = input.subspan(3 + length);
        const auto read = messenger::daemon::read_ip_header(packet);
        const auto* header = std::get_if<IpHeader>(&read);
        if (header == nullptr || !header->is_fragment) continue;
        const IpReassembler::Result result = reassembler.push(now, *header);
        require(!result.refused || result.packet.empty());
        require(reassembler.held_datagrams() <= kLimits.datagrams);
        require(reassembler.held_octets() <= kLimits.octets);
        if (!result.packet.empty()) check_whole(result.packet, header->is_v6);
    }
    reassembler.give_up_all();
    require(reassembler.held_octets() == 0 && reassembler.held_datagrams() == 0);
    return 0;
}
