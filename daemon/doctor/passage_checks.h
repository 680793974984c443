// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "daemon/doctor/finding.h"
#include "daemon/doctor/rule_listing.h"
#include "daemon/trial/call_trial.h"

namespace messenger::daemon {

/// What the legs of a trial mean for the operator: who stops what, and the line that lets it pass.
void judge_trial(const TrialResult& trial, const TrialOptions& options, const nft::RulesetCopy& rules,
                 const RuleText& rule_text, Findings& findings);

/// "policy drop of chain forward in table inet filter", "rule 7 of chain ...: ct state invalid drop".
[[nodiscard]] std::string describe(const Culprit& culprit, const RuleText& rule_text);

}  // namespace messenger::daemon
