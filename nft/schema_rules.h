// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "nft/handle.h"
#include "nft/schema.h"
#include "nft/table_message.h"

namespace messenger::nft {

// The chains whose last rule hands packets to a queue.
inline constexpr std::string_view kFirstPacketChain = "first_packet";
inline constexpr std::string_view kToDaemonChain = "to_daemon";

/// True if the table has this set.
[[nodiscard]] bool has_set(const SchemaOptions& options, const SetSpec& set);

/// How many elements it may hold: what a pinhole lets through goes both ways, so that of the admitted tuples there are
/// twice as many as of anything else, and as many again of flows that are not ours.
[[nodiscard]] std::uint32_t room_of(const SchemaOptions& options, const SetSpec& set);

/// The chains of the table in the order in which they can be made.
[[nodiscard]] std::vector<ChainSpec> schema_chains(const SchemaOptions& options);

/// The rules in the order in which they are appended to their chains.
[[nodiscard]] std::vector<RuleHandle> schema_rules(const SchemaOptions& options);

}  // namespace messenger::nft
