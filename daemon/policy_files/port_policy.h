// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/policy_files/policy_registry.h"

namespace messenger::daemon {

/// The ranges that a policy pins clients to; what is absent is left to the client, which then takes any port from 1024.
struct PortPolicy {
    std::optional<NumberRange> media;
    std::optional<NumberRange> sip;  ///< where clients listen for calls of their server
    bool operator==(const PortPolicy&) const = default;
};

/// One key that pins something.
struct PolicySource {
    Hive hive = Hive::local_machine;
    PortRangeKey key = PortRangeKey::communicator;
    PortPolicy policy;
    FilePlace place;  ///< of Enabled
};

struct PortPolicyResult {
    /// All sources together: of ranges that differ the smallest one around them.
    PortPolicy policy;
    std::vector<PolicySource> sources;
    std::vector<PolicyError> errors;  ///< what makes the client refuse the policy, or ignore it
    std::vector<PolicyError> notes;   ///< what is right but perhaps not meant
};

/// Holds the values to the rules of the RTC Client API: REG_DWORD; Enabled 0 or 1; both ends of a range; 1024 to 65535;
/// the first below the last; two ports for SIP, four for media, or five if the first is odd; no overlap.
/// HKEY_LOCAL_MACHINE beats HKEY_CURRENT_USER.
[[nodiscard]] PortPolicyResult judge_port_policy(const PolicyRegistry& registry);

/// What is wrong with a range; empty if nothing is. Numbers as they stand in the file.
[[nodiscard]] std::string media_range_fault(std::uint32_t first, std::uint32_t last);
[[nodiscard]] std::string sip_range_fault(std::uint32_t first, std::uint32_t last);
[[nodiscard]] bool overlap(const NumberRange& one, const NumberRange& other);

}  // namespace messenger::daemon
