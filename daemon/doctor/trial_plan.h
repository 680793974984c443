// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/trial/call_trial.h"

namespace messenger::daemon {

/// What an operator says about the calls to try; what is left out is found out.
struct TrialWishes {
    std::string inside_interface;
    std::string outside_interface;
    std::optional<alg::IpAddress> inside;  ///< address of the calling host
    std::optional<alg::IpAddress> server;
    std::optional<alg::IpAddress> peer;
};

struct TrialPlan {
    std::vector<TrialPlaces> trials;    ///< one for each address family, and each inside interface up to a few
    std::vector<std::string> problems;  ///< why there is none where one was to be expected
};

[[nodiscard]] TrialPlan plan_trials(const LiveHost& host, const Config& config, const TrialWishes& wishes);

/// messenger-algd: beside this program, or where it is installed.
[[nodiscard]] std::string find_daemon(const std::string& installed);

}  // namespace messenger::daemon
