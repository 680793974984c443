// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/config/config.h"
#include "daemon/doctor/finding.h"
#include "daemon/trial/live_host.h"
#include "nft/ruleset_copy.h"

namespace messenger::daemon {

/// The network of this host apart from its rules: interfaces, forwarding, conntrack, and who else works on SIP here.
void check_interfaces(const LiveHost& host, const Config& config, Findings& findings);
void check_forwarding(const LiveHost& host, const Config& config, Findings& findings);
void check_conntrack(Findings& findings);
/// Two gateways that change one call spoil it.
void check_other_gateways(const nft::RulesetCopy& rules, Findings& findings);
/// What no copy of the rules shows: other ways past them, and rules that nft does not see.
void check_ways_around(const nft::RulesetCopy& rules, Findings& findings);

}  // namespace messenger::daemon
