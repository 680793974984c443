// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

namespace messenger::daemon {

/// Which socket a request is to be sent on; the last two are for the warden itself.
enum class WardenChannel : std::uint8_t {
    ruleset,
    schema,
    conntrack,
    queue,
    orders,
    hosts,  ///< place_records.h, to be looked for (heard_hosts.h): the answer is 0 and a byte for each; none: forget
            ///< all
};

/// What goes before each request from the daemon to its warden, through a stream: both are one program, so numbers are
/// in host order. An answer is an int, errno or 0. What follows EACCES for a request to one of the sockets: how many of
/// its messages are to blame alone (32 bits), and the number of each, as NetlinkGate::turned_down() gives them.
struct WardenRequest {
    std::uint32_t size = 0;     ///< bytes that follow; a multiple of 4, as netlink messages are
    std::uint32_t answers = 0;  ///< bytes that the kernel's replies may need
    WardenChannel channel = WardenChannel::orders;
    bool answered = true;  ///< not of what the kernel's own answer will tell, nor of verdicts
    std::uint16_t unused = 0;
    std::uint32_t also_unused = 0;  ///< what follows begins where a netlink message may
};
static_assert(sizeof(WardenRequest) == 16);

/// A table with as many elements as it may have is made by one request of some 200 bytes for each.
inline constexpr std::size_t kLongestWardenRequest = std::size_t{128} << 20U;

}  // namespace messenger::daemon
