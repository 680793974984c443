// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/config/config.h"

namespace messenger::daemon {

/// Takes over what may change while the daemon runs. What the kernel's table, the queues and the tables of the engine
/// were made with stays until a restart.
inline void take_reloadable(const Config& from, Config& into) {
    into.network = from.network;
    into.sip.early_media = from.sip.early_media;
    into.policy = from.policy;
    into.log = from.log;
}

}  // namespace messenger::daemon
