// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "daemon/journal/call_journal.h"

namespace messenger::daemon {

/// What flowed one way.
[[nodiscard]] nlohmann::json describe_counter(const nft::Counter& counter);

/// A call for `calls`: who, where, how long, what flows. Text of the wire is as it came; JSON escapes it, and whoever
/// prints it must make it fit.
[[nodiscard]] nlohmann::json describe_call(const CallJournal& journal, const CallRecord& record, alg::TimePoint now);

/// The call's account in the words of `messenger-algctl explain` of a capture; fit to be printed.
[[nodiscard]] std::string tell_call(const CallRecord& record);

/// The call's events as JSON lines, as `events` gives them.
[[nodiscard]] std::string call_event_lines(const CallRecord& record);

}  // namespace messenger::daemon
