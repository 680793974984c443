// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "daemon/config/config.h"
#include "daemon/process/log.h"
#include "nft/schema.h"

namespace messenger::daemon {

/// What it counts, for the daemon to tell: in memory of both.
struct WardenCounts {
    std::atomic<std::uint64_t> verdicts = 0;  ///< turned down
};

/// What the warden works with. The descriptors are the daemon's own sockets: both processes have them.
struct WardenDuty {
    int ruleset = -1;
    int schema = -1;
    int conntrack = -1;
    int queue = -1;
    nft::SchemaOptions schema_options;
    Config config;
    WardenCounts* counts = nullptr;
    std::string config_file;  ///< read again when the daemon says so: what it says itself would prove nothing
};

/// The whole life of the warden: it reads requests from link, judges them, and sends what may be sent; it ends when the
/// daemon has closed its end. It keeps CAP_NET_ADMIN and nothing else, and reads nothing that came from the network.
[[noreturn]] void serve_as_warden(int link, WardenDuty duty, Log& log);

}  // namespace messenger::daemon
