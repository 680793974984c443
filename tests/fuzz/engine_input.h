// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tests/support/packet_builder.h"

namespace messenger::testing {

/// What fuzz_engine reads: one byte of options, then steps. A step is six bytes and its payload:
///
///     kind and option bits | source << 4 | destination | seconds since the step before | TCP offset / 16
///     | payload length, low byte | high byte
///
/// Source and destination are indices into kEndpoints, so that chance makes conversations instead of strangers.
// Options of the run.
constexpr unsigned kAfterOffer = 1;
constexpr unsigned kAnySipPort = 2;
constexpr unsigned kTakeUpAnyStream = 4;
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

}  // namespace messenger::testing
