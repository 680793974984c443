// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/config/config.h"
#include "daemon/control/control_socket.h"
#include "daemon/gateway/pinhole_sync.h"
#include "daemon/gateway/pipeline.h"
#include "daemon/queue/queue_socket.h"
#include "nft/schema.h"

namespace messenger::daemon {

// What the configuration means for each part of the gateway.

[[nodiscard]] PinholeSync::Options sync_options(const Config& config, const nft::SchemaOptions& schema);
[[nodiscard]] QueueOptions queue_options(const Config& config);
/// Throws std::runtime_error if control.group is no group of this host.
[[nodiscard]] ControlOptions control_options(const Config& config);
[[nodiscard]] Pipeline::Options pipeline_options(const Config& config);

}  // namespace messenger::daemon
