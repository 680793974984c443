// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/doctor/trial_wishes.h"
#include "daemon/trial/call_trial.h"

namespace messenger::daemon {

struct TrialPlan {
    std::vector<TrialPlaces> trials;    ///< one for each address family, and each inside interface up to a few
    std::vector<std::string> problems;  ///< why there is none where one was to be expected
};

/// wishes: those that check_wishes() finds nothing wrong with.
[[nodiscard]] TrialPlan plan_trials(const LiveHost& host, const Config& config, const TrialWishes& wishes);

/// messenger-algd: beside this program, or where it is installed.
[[nodiscard]] std::string find_daemon(const std::string& installed);

}  // namespace messenger::daemon
