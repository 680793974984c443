// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/policy_files/registry_change.h"

namespace messenger::daemon {

/// Reads a .reg file, as regedit exports it: UTF-16LE with its byte order mark under "Windows Registry Editor Version
/// 5.00", or ANSI or UTF-8 under that or under REGEDIT4. Hands out what it does below HKEY_LOCAL_MACHINE and
/// HKEY_CURRENT_USER, in order; other hives are read over.
///
///     [HKEY_LOCAL_MACHINE\SOFTWARE\Policies\...]      a key; [-KEY] removes it
///     "Name"=dword:000014e6                           also "text" (over several lines, too), hex:, hex(N): with
///     "Name"=-                                        lines continued by a backslash; - removes; @ is the default
///     ; a comment                                     on a line of its own or behind a value
///
/// Returns every error, with its line; what is wrong is left out, the rest is handed out all the same. file: its name,
/// borrowed by the places of the errors.
[[nodiscard]] std::vector<PolicyError> read_reg_file(std::string_view bytes, std::string_view file,
                                                     const ChangeTaker& take);

}  // namespace messenger::daemon
