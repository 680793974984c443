// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/packet_builder.h"

namespace messenger::testing {

/// What fuzz_engine and fuzz_nat_engine read: one byte of options, then steps. A step is six bytes and its payload:
///
///     kind and option bits | source << 4 | destination | seconds since the step before | TCP offset / 16
///     | payload length, low byte | high byte
///
/// Source and destination are indices into engine_endpoints(), so that chance makes conversations instead of strangers.
// Options of the run.
constexpr unsigned kAfterOffer = 1;
constexpr unsigned kAnySipPort = 2;
constexpr unsigned kTakeUpAnyStream = 4;
constexpr unsigned kRegisteredRanges = 8;  ///< FixedRanges::registered
constexpr unsigned kDecline = 16;          ///< compression
constexpr unsigned kAdvertised = 32;       ///< NAT: messages name another address than the kernel translates to
constexpr unsigned kOtherNumbers = 64;     ///< NAT: no port keeps its number
constexpr unsigned kTlsRanges = 128;       ///< the server of TLS is engine_endpoints()[7]
// Kinds of a step.
constexpr unsigned kUdp = 0;
constexpr unsigned kTcp = 1;
constexpr unsigned kMedia = 2;
constexpr unsigned kTime = 3;
constexpr unsigned kKindMask = 3;
// Options of a step.
constexpr unsigned kSyn = 4;
constexpr unsigned kFin = 8;
constexpr unsigned kRst = 16;
constexpr unsigned kMarked = 32;
constexpr unsigned kAppend = 64;      ///< behind what was sent
constexpr unsigned kLongPause = 128;  ///< minutes instead of seconds

constexpr std::size_t kStepHead = 6;

struct InputStep {
    std::uint8_t kind = 0;
    std::uint8_t ends = 0;
    std::uint8_t pause = 0;
    std::uint8_t offset = 0;
    std::string payload;

    [[nodiscard]] std::size_t from() const { return ends >> 4U; }
    [[nodiscard]] std::size_t to() const { return ends & 15U; }
};

/// Takes a step off the front of an input, whose last payload may be cut off. False if there is none.
[[nodiscard]] inline bool take_step(std::string_view& input, InputStep& step) {
    if (input.size() < kStepHead) return false;
    const auto byte = [&input](std::size_t at) { return static_cast<std::uint8_t>(input[at]); };
    step.kind = byte(0);
    step.ends = byte(1);
    step.pause = byte(2);
    step.offset = byte(3);
    step.payload = input.substr(kStepHead, byte(4) + std::size_t{256} * byte(5));
    input.remove_prefix(kStepHead + step.payload.size());
    return true;
}

inline void append_step(std::string& input, const InputStep& step) {
    const std::size_t size = std::min<std::size_t>(step.payload.size(), UINT16_MAX);
    for (const std::size_t byte : {std::size_t{step.kind}, std::size_t{step.ends}, std::size_t{step.pause},
                                   std::size_t{step.offset}, size & 255U, size >> 8U}) {
        input.push_back(static_cast<char>(byte));
    }
    input.append(step.payload, 0, size);
}

inline const std::array<alg::Endpoint, 16>& engine_endpoints() {
    static const std::array<alg::Endpoint, 16> endpoints{
        endpoint("10.1.2.3", 5060),        endpoint("10.1.2.3", 40000),      endpoint("10.1.2.3", 5350),
        endpoint("10.1.2.4", 5060),        endpoint("10.1.2.4", 6350),       endpoint("10.1.2.2", 5060),
        endpoint("198.51.100.20", 5060),   endpoint("198.51.100.20", 33000), endpoint("198.51.100.99", 5060),
        endpoint("203.0.113.30", 5060),    endpoint("203.0.113.30", 56000),  endpoint("203.0.113.40", 57000),
        endpoint("2001:db8:1::3", 5060),   endpoint("2001:db8:1::3", 5350),  endpoint("2001:db8:99::20", 5060),
        endpoint("2001:db8:77::30", 56000)};
    return endpoints;
}

/// The relay among them.
inline alg::IpAddress engine_relay() {
    return address("10.1.2.2");
}

/// NAT: what the inside hosts are hidden behind, and with kAdvertised, what messages name in its place.
inline alg::IpAddress engine_outside() {
    return address("192.0.2.10");
}
inline alg::IpAddress engine_advertised() {
    return address("192.0.2.99");
}

}  // namespace messenger::testing
