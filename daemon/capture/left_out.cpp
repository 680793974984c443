// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/left_out.h"

#include <array>

namespace messenger::daemon {
namespace {

struct Text {
    std::string_view name;
    std::string_view sentence;
};

// In the order of the enum.
constexpr std::array<Text, kLeftOutCount> kTexts{{
    {"unknown_link_type", "of a link type that is not read"},
    {"not_ip", "neither IPv4 nor IPv6"},
    {"cut_short", "cut short by the capture"},
    {"bad_ip_header", "with an impossible IP header"},
    {"too_many_tags", "with too many VLAN tags"},
    {"unreadable_tunnel", "in a tunnel that is not read"},
    {"too_many_tunnels", "in too many tunnels"},
    {"bad_fragment", "impossible fragments"},
    {"overlapping_fragment", "fragments that overlap"},
    {"surplus_fragment", "fragments of a dropped datagram, or beyond the limits"},
}};

}  // namespace

std::string_view name(LeftOut reason) {
    return kTexts.at(static_cast<std::size_t>(reason)).name;
}

std::string_view describe(LeftOut reason) {
    return kTexts.at(static_cast<std::size_t>(reason)).sentence;
}

}  // namespace messenger::daemon
