// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "alg/base/time.h"

namespace messenger::alg {

/// Every cap and every timeout of the engine, in one value that the operator's configuration fills in. What goes over a
/// cap is passed on untouched, opens nothing, and is counted.
struct Limits {
    // one message
    std::size_t head_bytes = std::size_t{32} << 10U;  ///< start line and headers
    std::size_t body_bytes = std::size_t{64} << 10U;  ///< a body that we read; others are skipped, however long
    std::size_t headers = 256;                        ///< header lines of a message
    std::size_t media = 16;                           ///< m= lines of a session description
    std::size_t port_count = 4;                       ///< n of "m=audio 5000/n"

    // TCP streams
    std::size_t flows = 16384;                            ///< TCP connections under inspection
    std::size_t flows_per_host = 4096;                    ///< of these, opened by one host (outside, IPv6: its /64)
    std::size_t pending_bytes = std::size_t{64} << 10U;   ///< out-of-order bytes of one direction
    std::size_t pending_segments = 256;                   ///< of these, runs with a gap before each
    std::size_t buffered_bytes = std::size_t{32} << 20U;  ///< message and out-of-order bytes of all flows together

    // TCP packets that wait until it is known whether their message has to be edited (NAT)
    std::size_t held_bytes = std::size_t{64} << 10U;  ///< of one direction
    std::size_t held_segments = 128;                  ///< of one direction
    std::size_t held_in_all = 1024;                   ///< packets of all connections together
    std::uint16_t mss_room = 200;                     ///< by how much the segments of SIP connections are made smaller
    Duration hold_time = std::chrono::seconds(4);

    // calls
    std::size_t calls = 20'000;
    /// Per inside host. Of these, and of all calls, at most half may be calls from outside that nobody inside has
    /// answered, so that strangers cannot use up what inside hosts need for their own.
    std::size_t calls_per_host = 2'000;
    std::size_t calls_per_peer = 500;  ///< from one outside host (IPv6: its /64), and not answered yet
    std::size_t pinholes = 100'000;
    std::size_t pinholes_per_host = 16'000;  ///< per inside host
    std::size_t pinholes_per_call = 256;     ///< ICE: every local candidate with every remote one
    std::size_t dialogs_per_call = 16;       ///< forks
    std::size_t registrations = 20'000;
    std::size_t registrations_per_host = 2'000;  ///< per inside host; of its callbacks as many again
    std::size_t bindings = 100'000;              ///< NAT: inside endpoints with an outside one
    std::size_t bindings_per_host = 4'000;       ///< per inside host
    std::uint32_t messages_per_second = 2'000;   ///< per sending host; 0 is without limit
    std::uint32_t message_burst = 4'000;

    // time
    Duration first_packet = std::chrono::seconds(60);    ///< a pinhole that no packet has used yet
    Duration media_silence = std::chrono::seconds(120);  ///< a pinhole after its last packet
    Duration stream_silence = std::chrono::hours(2);     ///< the same for TCP (T.120, file transfer)
    Duration hold = std::chrono::minutes(30);            ///< a pinhole of a stream on hold
    Duration transfer = std::chrono::minutes(5);         ///< a file transfer that nobody has connected to
    Duration call = std::chrono::hours(12);              ///< a call, whatever happens in it
    Duration invite = std::chrono::minutes(3);           ///< an INVITE without any answer (RFC 3261 timer C)
    Duration ringing = std::chrono::minutes(15);         ///< one that rings, after its last provisional answer
    Duration transaction = std::chrono::seconds(32);     ///< 64 * T1: retransmissions have ceased
    Duration quiet_call = std::chrono::minutes(5);       ///< a call whose media are silent, after its last message
    Duration flow_idle = std::chrono::hours(2);          ///< a TCP connection without packets
};

}  // namespace messenger::alg
