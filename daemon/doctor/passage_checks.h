// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <string>

#include "daemon/doctor/finding.h"
#include "daemon/trial/call_trial.h"

namespace messenger::daemon {

/// The live rule as its owner wrote it, or the next best; empty if it cannot be shown.
using RuleText = std::function<std::string(const nft::RulePlace& place)>;
/// Asks nft(8) in the network namespace of the calling thread.
[[nodiscard]] std::string show_rule(const nft::RulePlace& place);

/// What the legs of a trial mean for the operator: who stops what, and the line that lets it pass.
void judge_trial(const TrialResult& trial, const TrialOptions& options, const nft::RulesetCopy& rules,
                 const RuleText& rule_text, Findings& findings);

/// "policy drop of chain forward in table inet filter", "rule 7 of chain ...: ct state invalid drop".
[[nodiscard]] std::string describe(const Culprit& culprit, const RuleText& rule_text);

}  // namespace messenger::daemon
