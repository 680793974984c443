// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/trial/live_host.h"

namespace messenger::daemon {

/// What an operator says about the calls to try; what is left out is found out.
struct TrialWishes {
    std::string inside_interface;
    std::string outside_interface;
    std::optional<alg::IpAddress> inside;  ///< address of the calling host
    std::optional<alg::IpAddress> server;
    std::optional<alg::IpAddress> peer;
};

/// Why no calls can be tried so, with option and value: a line for each. A trial with such hosts would blame the rules,
/// or the program, for what the command line says.
[[nodiscard]] std::vector<std::string> check_wishes(const LiveHost& host, const Config& config,
                                                    const TrialWishes& wishes);

}  // namespace messenger::daemon
