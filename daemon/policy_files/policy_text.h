// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/policy_files/port_policy.h"

namespace messenger::daemon {

/// A key of the configuration whose value is not the one that the policy means. Both as TOML.
struct PolicyDifference {
    std::string_view section;
    std::string_view name;
    std::string has;
    std::string should_have;
};

/// The policy as keys of the configuration; ranges that it leaves to the clients have their default.
[[nodiscard]] Config apply_policy(Config config, const PortPolicy& policy);

/// The difference between a configuration and what the policy means.
[[nodiscard]] std::vector<PolicyDifference> compare(const Config& config, const PortPolicy& policy);

/// Ports of the media range that the configuration never opens (network.protected_ports, SIP's own).
[[nodiscard]] std::vector<std::uint16_t> closed_ports(const Config& config, const PortPolicy& policy);

/// TOML that stands for itself: each range under a comment that says where it comes from.
[[nodiscard]] std::string format_toml(const PortPolicyResult& result);
/// Lines "-network.media_ports = ..." and "+network.media_ports = ...".
[[nodiscard]] std::string format_difference(const std::vector<PolicyDifference>& differences);
/// One JSON object: media_ports and sip_dynamic_ports (each first and last, or null), sources, errors, notes; and
/// differences, if they are given.
[[nodiscard]] std::string format_json(const PortPolicyResult& result, const std::vector<PolicyDifference>* differences);

}  // namespace messenger::daemon
