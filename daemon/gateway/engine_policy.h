// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <span>

#include "alg/policy.h"
#include "daemon/config/config.h"
#include "daemon/process/interfaces.h"

namespace messenger::daemon {

/// The operator's configuration and this host's addresses as the engine's policy. Interfaces that have no address add
/// nothing; the caller warns about them.
[[nodiscard]] alg::Policy make_policy(const Config& config, std::span<const InterfaceAddress> addresses);

}  // namespace messenger::daemon
