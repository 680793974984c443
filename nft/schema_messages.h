// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "nft/batch.h"
#include "nft/schema.h"

namespace messenger::nft {

/// Takes the text of one message, "add chain media", and returns the tag that it is put with.
using TagMessage = std::function<std::size_t(std::string operation)>;

/// Appends what makes the table with its sets, chains and rules, in place of one that is there, and without elements.
/// Always the same messages for the same options. Throws std::bad_alloc.
void put_schema(Batch& batch, const SchemaOptions& options, const TagMessage& tag);
/// The first of these messages: the table goes, if it is there.
void put_schema_removal(Batch& batch, const TagMessage& tag);

}  // namespace messenger::nft
