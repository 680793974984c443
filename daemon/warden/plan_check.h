// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "alg/plan.h"
#include "alg/policy.h"

namespace messenger::daemon {

/// The last look at what is to be opened, on the side that may change the kernel's rules, and by rules of its own: they
/// hold even if the engine, which reads what strangers write, has been led astray. It knows no messages, so it cannot
/// tell who has asked; but no pinhole leads to a host that is not inside, to the gateway itself, to a service, or
/// beside the ranges of the configuration.
[[nodiscard]] bool may_open(const alg::PinholeChange& change, const alg::Policy& policy);
[[nodiscard]] bool may_call_back(const alg::CallbackChange& change, const alg::Policy& policy);

}  // namespace messenger::daemon
