// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "daemon/journal/call_journal.h"

namespace messenger::daemon {

/// The call that an operator means. Throws CommandRefused if there is none, or more than one.
[[nodiscard]] CallRecord& find_call(CallJournal& journal, const std::string& name);

}  // namespace messenger::daemon
