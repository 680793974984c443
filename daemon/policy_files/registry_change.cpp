// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/registry_change.h"

#include <fmt/format.h>

#include "daemon/process/sanitize.h"

namespace messenger::daemon {

std::string FilePlace::to_string() const {
    const std::string shown = sanitize(file);
    return unit == Unit::line ? fmt::format("{}:{}", shown, at) : fmt::format("{}: byte {} ({:#x})", shown, at, at);
}

std::string_view name(Hive hive) {
    return hive == Hive::local_machine ? "HKEY_LOCAL_MACHINE" : "HKEY_CURRENT_USER";
}

}  // namespace messenger::daemon
