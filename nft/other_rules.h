// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>
#include <vector>

#include "nft/handle.h"
#include "nft/schema.h"

namespace messenger::nft {

// What is neither signalling nor media shall notice nothing of us. What has come to the end of a chain without either
// is noted there, so that its next packets leave the chain before it asks all its questions again.

/// To be appended before those questions.
void append_skipping_of_others(const SchemaOptions& options, std::string_view chain, std::vector<RuleHandle>& rules);
/// To be appended at the end of the chain.
void append_noting_of_others(const SchemaOptions& options, std::string_view chain, std::vector<RuleHandle>& rules);

}  // namespace messenger::nft
