// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>
#include <vector>

#include "nft/handle.h"
#include "nft/schema.h"
#include "nft/table_message.h"

namespace messenger::nft {

[[nodiscard]] inline bool has_nat(const SchemaOptions& options) {
    return !options.nat_interfaces.empty();
}

/// The chains for NAT, which only a table with NAT has.
void append_nat_chains(const SchemaOptions& options, std::vector<ChainSpec>& chains);

/// Where segments of edited connections go that no daemon has seen to: one rule that waits for the next daemon, then
/// one that resets. NUL follows.
inline constexpr std::string_view kUnattendedChain = "unattended";

/// Chains of the table that the rules for NAT add to and jump to.
struct AdmitChains {
    std::string_view admit4;  ///< first packets over IPv4
    std::string_view first_packet;
};

/// The rules for NAT; those of the admit chain only if there is an admit queue.
void append_nat_rules(const SchemaOptions& options, const AdmitChains& admit, std::vector<RuleHandle>& rules);

}  // namespace messenger::nft
