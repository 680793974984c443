// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>
#include <vector>

#include "nft/handle.h"
#include "nft/schema.h"
#include "nft/table_message.h"

namespace messenger::nft {

/// Where a first packet over IPv4 is looked at, whichever protocol.
inline constexpr std::string_view kAdmit4Chain = "admit4";

/// The chains that show the daemon the first packets of flows, before conntrack sees them; none without an admit queue.
void append_admit_chains(const SchemaOptions& options, std::vector<ChainSpec>& chains);

/// Their counterpart in a chain of the forward hook, before anything that lets a packet go.
void append_end_of_admission(const SchemaOptions& options, std::string_view chain, std::vector<RuleHandle>& rules);

/// Their rules, likewise.
void append_admit_rules(const SchemaOptions& options, std::vector<RuleHandle>& rules);

}  // namespace messenger::nft
