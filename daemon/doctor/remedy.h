// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/trial/call_trial.h"

namespace messenger::daemon {

/// What a rule would have to let pass.
enum class Wanted : std::uint8_t {
    signalling,   ///< SIP that an inside host begins
    established,  ///< what belongs to a known connection
    marked,       ///< what carries passage.mark
};

/// The lines that let it pass a rule of others, in the notation of whatever made that rule.
[[nodiscard]] std::vector<std::string> remedy_for(Wanted wanted, const Culprit& culprit, const nft::RulesetCopy& rules,
                                                  const Config& config, const TrialPlaces& places);
/// For media that conntrack does not see: the daemon marks it, and that rule lets the mark pass.
[[nodiscard]] std::vector<std::string> remedy_by_mark(const Culprit& culprit, const nft::RulesetCopy& rules,
                                                      const Config& config, const TrialPlaces& places);
/// For signalling that conntrack does not see: it goes round the rule that keeps it from there.
[[nodiscard]] std::vector<std::string> remedy_for_untracked(const Culprit& untracking, const nft::RulesetCopy& rules,
                                                            const Config& config, const TrialPlaces& places);

}  // namespace messenger::daemon
