// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace messenger::daemon {

/// Something about this host that an operator should know.
struct Finding {
    enum class Severity : std::uint8_t {
        note,     ///< as it should be, or a matter of taste
        unknown,  ///< cannot be told from here
        warning,  ///< works, and may not for long, or not safely
        failure,  ///< calls fail
    };
    Severity severity = Severity::note;
    std::string name;                ///< stable: "no_forwarding"
    std::string what;                ///< what is the case
    std::string why;                 ///< why it matters
    std::vector<std::string> to_do;  ///< commands and settings, one per line
};
using Findings = std::vector<Finding>;

[[nodiscard]] inline std::string_view name(Finding::Severity severity) {
    switch (severity) {
        case Finding::Severity::note: return "note";
        case Finding::Severity::unknown: return "unknown";
        case Finding::Severity::warning: return "warning";
        case Finding::Severity::failure: break;
    }
    return "failure";
}

}  // namespace messenger::daemon
