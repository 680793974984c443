// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

namespace messenger::alg {

/// What the engine has seen since it was made. Refusals, openings and closings are counted from the events.
struct Counters {
    std::uint64_t packets = 0;
    std::uint64_t messages = 0;  ///< understood
    std::uint64_t not_understood = 0;
    std::uint64_t not_sip_datagrams = 0;   ///< keep-alives and the like on a SIP port
    std::uint64_t over_rate = 0;           ///< messages passed unread
    std::uint64_t unreadable_packets = 0;  ///< neither UDP nor TCP, or broken
    std::uint64_t edited = 0;              ///< messages that left other than they came (NAT)
    std::uint64_t edits = 0;               ///< changes in them
    std::uint64_t unedited = 0;            ///< messages that should have been edited and could not be
    std::uint64_t not_translated = 0;      ///< flows by an outside interface that the kernel does not translate
};

}  // namespace messenger::alg
