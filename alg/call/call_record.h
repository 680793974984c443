// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "alg/call/call.h"

namespace messenger::alg {

// Between its messages a call is a record: all that it holds, one value after the other without room for more. A Call
// takes 4 kB and more, because it has room for what calls may become; its record takes 300 bytes.

/// Writes the call down, in place of what `to` holds: all but Call::key and Call::number.
void write_record(Call& call, std::vector<std::byte>& to);
/// Fills in all that write_record() wrote, whatever the call held before. That is the only input there is: nothing of
/// it is checked. Call::call_id then borrows from the record.
void read_record(std::span<const std::byte> record, Call& call);

}  // namespace messenger::alg
