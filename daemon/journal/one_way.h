// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string_view>

#include "alg/base/time.h"
#include "alg/call/call_table.h"
#include "daemon/journal/call_record.h"

namespace messenger::daemon {

/// Stable names for JSON and metrics.
[[nodiscard]] std::string_view name(SilentSide side);
[[nodiscard]] std::string_view name(SilenceCause cause);
/// One sentence for an operator: what is likely, and where to look.
[[nodiscard]] std::string_view describe(SilentSide side, SilenceCause cause);

/// Which ways the media of an inside endpoint is to flow, as its call agreed on it last.
struct ExpectedWays {
    bool in = true;
    bool out = true;
};
/// Both ways where the agreement is not known, as after a restart.
[[nodiscard]] ExpectedWays expected_ways(const alg::Call& call, const alg::Endpoint& inside);

enum class OneWayChange : std::uint8_t { none, began, ended };

/// Follows a stream from look to look, by the looks that found packets last. began: media has flowed only one way for
/// `patience`; the caller says whether that was agreed on, and why it may be. ended: it flows both ways again, or not
/// at all.
[[nodiscard]] OneWayChange follow(OneWayState& state, alg::TimePoint now, alg::Duration patience);

}  // namespace messenger::daemon
