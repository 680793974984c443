// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/policy_files/registry_change.h"

namespace messenger::daemon {

/// Whether the bytes begin as a Registry.pol does.
[[nodiscard]] bool is_registry_pol(std::string_view bytes);

/// Reads a Registry.pol ([MS-GPREG] 2.2.1) by its structure: data may hold any bytes, brackets and semicolons too.
///
///     50 52 65 67  01 00 00 00                                   "PReg", version 1
///     [ key NUL ; value NUL ; type ; size ; data ]               each record; punctuation and names are UTF-16LE,
///                                                                type and size LE32, size at most 65535
///
/// Names of values that begin with ** are commands (section 3.2.5.1.2): **Del.NAME, **DelVals., **DeleteValues,
/// **DeleteKeys, **soft.NAME; **SecureKey and unknown ones change no value. file: its name, borrowed by the error.
/// hive: which one the file is for, it does not say itself. Returns the first error, at which reading ends: behind it
/// nobody knows where a record begins. Until then everything has been handed out.
[[nodiscard]] std::optional<PolicyError> read_registry_pol(std::string_view bytes, std::string_view file, Hive hive,
                                                           const ChangeTaker& take);

}  // namespace messenger::daemon
