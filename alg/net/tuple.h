// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <compare>
#include <cstdint>

#include "alg/net/address.h"

namespace messenger::alg {

/// The values are the IP protocol numbers.
enum class Transport : std::uint8_t { tcp = 6, udp = 17 };

/// Addresses, ports and protocol of one direction. A flow is a tuple and its reverse.
struct FlowTuple {
    Endpoint source;
    Endpoint destination;
    Transport transport = Transport::udp;

    [[nodiscard]] FlowTuple reversed() const { return {destination, source, transport}; }
    auto operator<=>(const FlowTuple&) const = default;
};

}  // namespace messenger::alg
