// SPDX-License-Identifier: GPL-2.0-or-later
// A packet's payload lies inside the packet, and bytes behind the IP header's own length change nothing.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "alg/net/packet.h"
#include "tests/fuzz/require.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using messenger::alg::parse_packet;
    using messenger::test::require;
    const auto packet = std::as_bytes(std::span(data, size));
    const auto view = parse_packet(packet);
    if (!view) return 0;
    require(messenger::test::lies_inside({reinterpret_cast<const char*>(data), size}, view->payload), "payload inside");

    // An IPv4 total length of 0 means the whole packet; then padding is payload.
    if (data[0] >> 4U == 4 && data[2] == 0 && data[3] == 0) return 0;
    std::vector<std::byte> padded(packet.begin(), packet.end());
    padded.resize(size + 7, std::byte{0xff});
    const auto again = parse_packet(padded);
    require(again.has_value(), "padded packet is read");
    require(again->payload == view->payload && again->tuple == view->tuple, "padding changes nothing");
    return 0;
}
