// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/policy_files/port_policy.h"

namespace messenger::daemon {

/// A .reg file, or why there can be none.
struct RegExport {
    std::string bytes;                ///< UTF-16LE with its byte order mark, CR LF
    std::vector<std::string> errors;  ///< in words of the configuration's keys
};

/// The .reg file that pins clients to what the configuration lets pass: network.media_ports and sip.dynamic_ports,
/// under the keys of Communicator and of Windows Messenger (RTC 1.3). A range of 1024-65535 pins nothing and is left
/// out. Held to the same rules as an import, because a client that is given a bad range does not start.
[[nodiscard]] RegExport export_reg(const Config& config);

}  // namespace messenger::daemon
