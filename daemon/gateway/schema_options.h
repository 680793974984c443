// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/config/config.h"
#include "nft/features.h"
#include "nft/schema.h"

namespace messenger::daemon {

[[nodiscard]] nft::MarkLayout marks_of(const Config& config);
/// The table that a configuration asks for, on a kernel with these features.
[[nodiscard]] nft::SchemaOptions schema_options(const Config& config, const nft::Features& features,
                                                nft::QueueKind queue_kind);

}  // namespace messenger::daemon
