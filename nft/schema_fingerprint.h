// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "nft/schema.h"

namespace messenger::nft {

/// What a table made with these options has in its comment: the same text only for the same chains, sets and rules. So
/// the next daemon can tell whether the table that it finds is one that it would make.
[[nodiscard]] std::string schema_fingerprint(const SchemaOptions& options);

}  // namespace messenger::nft
