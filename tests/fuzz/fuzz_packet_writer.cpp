// SPDX-License-Identifier: GPL-2.0-or-later
// Input: 12 bytes of numbers, then a packet. Whatever packet can be read, a packet made from it can be read too: with
// the new payload and numbers, the same endpoints, and checksums that hold. Nothing changed gives the same flags and
// options.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "alg/net/packet_writer.h"
#include "tests/fuzz/require.h"

namespace {

using messenger::alg::PacketView;
using messenger::alg::Transport;
using messenger::test::require;
using Bytes = std::span<const std::byte>;

constexpr std::size_t kNumbers = 12;

std::uint32_t read32(const std::uint8_t* data) {
    return std::uint32_t{data[0]} << 24U | std::uint32_t{data[1]} << 16U | std::uint32_t{data[2]} << 8U | data[3];
}

/// The sum of RFC 1071 in the plainest form; an odd last byte is padded with 0.
std::uint32_t add(std::uint32_t sum, Bytes bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        sum += std::to_integer<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8U : 0U);
        sum = (sum & 0xffffU) + (sum >> 16U);
    }
    return sum;
}

void check(const std::vector<std::byte>& out, const PacketView& before, std::string_view payload) {
    const auto view = messenger::alg::parse_packet(out);
    require(view.has_value(), "what was written is read");
    require(view->payload == payload && view->tuple == before.tuple, "payload and endpoints");
    const Bytes packet(out);
    const bool ipv4 = std::to_integer<unsigned>(out[0]) >> 4U == 4;
    if (ipv4) {
        const std::size_t header = (std::to_integer<unsigned>(out[0]) & 15U) * std::size_t{4};
        require(add(0, packet.first(header)) == 0xffffU, "IP checksum");
    }
    const Bytes rest = packet.subspan(view->transport_at);
    const bool udp = view->tuple.transport == Transport::udp;
    if (udp && rest[6] == std::byte{0} && rest[7] == std::byte{0}) return;
    std::uint32_t sum = add(add(0, ipv4 ? packet.subspan(12, 8) : packet.subspan(8, 32)), rest);
    sum += static_cast<unsigned>(view->tuple.transport) + static_cast<std::uint32_t>(rest.size());
    while (sum > 0xffffU) sum = (sum & 0xffffU) + (sum >> 16U);
    require(sum == 0xffffU, "checksum");
}

void check_segment(Bytes packet, const PacketView& view, const std::uint8_t* numbers, std::string_view payload) {
    messenger::alg::SegmentChange change;
    change.sequence = read32(numbers);
    change.acknowledgement = read32(numbers + 4);
    change.sack = messenger::alg::read_sack(packet, view);
    std::vector<std::byte> out;
    if (!messenger::alg::write_segment(packet, view, change, payload, out)) return;
    check(out, view, payload);
    const std::size_t offset = messenger::alg::payload_offset(packet, view);
    const bool all_stay = std::none_of(change.sack.begin(), change.sack.end(),
                                       [](const auto& block) { return block.left == block.right; });
    require(!all_stay || std::equal(packet.begin() + static_cast<std::ptrdiff_t>(view.transport_at + 20),
                                    packet.begin() + static_cast<std::ptrdiff_t>(offset),
                                    out.begin() + static_cast<std::ptrdiff_t>(view.transport_at + 20)),
            "options whose blocks stay are the same");
    for (auto& block : change.sack) {
        if ((block.left & 1U) != 0) block = {};
    }
    require(messenger::alg::write_segment(packet, view, change, payload, out), "the same length again");
    check(out, view, payload);
    const auto room = static_cast<std::uint16_t>(numbers[8] << 8U | numbers[9]);
    if (messenger::alg::lower_mss(packet, view, room, out)) {
        check(out, view, view.payload);
        const auto lowered = messenger::alg::parse_packet(out);
        require(messenger::alg::read_mss(out, *lowered) >= messenger::alg::kLeastSegment, "not below the least");
    }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < kNumbers) return 0;
    const Bytes packet = std::as_bytes(std::span(data, size)).subspan(kNumbers);
    const auto view = messenger::alg::parse_packet(packet);
    if (!view) return 0;
    const std::string payload(data[10] * std::size_t{4}, static_cast<char>(data[11]));
    if (view->tuple.transport == Transport::tcp) {
        check_segment(packet, *view, data, payload);
        return 0;
    }
    messenger::alg::IpIdentifiers identifiers(static_cast<std::uint16_t>(read32(data)));
    std::vector<std::byte> out;
    if (messenger::alg::write_datagram(packet, *view, payload, identifiers, out)) check(out, *view, payload);
    return 0;
}
