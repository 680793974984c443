// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace messenger::daemon {

/// Why a frame of a capture gave no IP packet: one value per cause, so that explain can count and name each.
enum class LeftOut : std::uint8_t {
    unknown_link_type,     ///< a link type that link_layer.h does not list
    not_ip,                ///< ARP, LLDP, IEEE 802.3 frames, PPP control: carries neither IPv4 nor IPv6
    cut_short,             ///< fewer octets than its headers say, mostly because of the capture's snap length
    bad_ip_header,         ///< impossible lengths, or IPv6 extension headers without end
    too_many_tags,         ///< more than kMaxVlanTags VLAN tags
    unreadable_tunnel,     ///< a GRE header of another version, with source routing, or around something else
    too_many_tunnels,      ///< nested deeper than kMaxTunnels
    bad_fragment,          ///< impossible length or offset, or it contradicts another fragment about the end
    overlapping_fragment,  ///< overlaps another fragment: the whole datagram is dropped (RFC 5722 section 3)
    surplus_fragment,      ///< belongs to a datagram that was dropped, or does not fit into ReassemblyLimits
};

inline constexpr std::size_t kLeftOutCount = 10;

/// The stable lower-case name for counters and JSON, such as "cut_short". Static storage.
[[nodiscard]] std::string_view name(LeftOut reason);

/// One sentence part for people, such as "cut short by the capture". Static storage.
[[nodiscard]] std::string_view describe(LeftOut reason);

}  // namespace messenger::daemon
