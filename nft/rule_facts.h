// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <linux/netlink.h>

namespace messenger::nft {

/// What a rule's expressions tell beside themselves.
struct RuleFacts {
    std::optional<std::uint8_t> protocol;  ///< it asks for this one; extensions of iptables want to be told
    bool has_extension = false;            ///< a match or target of iptables
    bool untracks = false;                 ///< it keeps packets from conntrack
    std::string helper;                    ///< that its target CT attaches
};

/// message: a rule as the kernel lists it. Nothing is known of one that cannot be read.
[[nodiscard]] RuleFacts rule_facts(const nlmsghdr& message);

}  // namespace messenger::nft
