// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "alg/engine.h"
#include "daemon/config/config.h"
#include "daemon/control/control_socket.h"
#include "daemon/gateway/event_log.h"
#include "daemon/gateway/pinhole_sync.h"
#include "daemon/gateway/pipeline.h"
#include "daemon/gateway/steering.h"
#include "daemon/gateway/unread_packets.h"
#include "daemon/journal/call_journal.h"
#include "daemon/journal/media_watch.h"
#include "daemon/metrics/latency_histogram.h"
#include "daemon/process/event_loop.h"
#include "daemon/process/outside_interfaces.h"
#include "daemon/queue/gathering.h"
#include "daemon/queue/queue_socket.h"
#include "daemon/queue/queue_statistics.h"
#include "daemon/warden/warden.h"
#include "nft/features.h"
#include "nft/ruleset.h"
#include "nft/schema.h"

namespace messenger::daemon {

/// The parts of the running daemon that commands look at. All borrowed; they outlive it.
struct DaemonParts {
    const Config& config;
    const alg::TimePoint& started;
    const EventLoop& loop;
    const nft::Features& features;
    nft::Ruleset& ruleset;  ///< to be read only
    nft::Schema& schema;    ///< likewise
    const alg::Engine& engine;
    const PinholeSync& sync;
    const OutsideInterfaces& outside;
    const EventLog& events;
    const QueueSocket& queue;
    const QueueStatisticsReader& queue_statistics;
    const Gathering& gathering;
    UnreadPackets& unread;
    const Pipeline& pipeline;
    const ControlSocket& control;
    CallJournal& journal;
    MediaWatch& media;
    const Steering& steering;
    const PacketLatencies& latencies;
    const std::vector<std::string>& waiting_keys;  ///< changed in the configuration file, for a restart
    const TrackingCheck& tracking;
    const std::optional<Warden>& warden;
};

}  // namespace messenger::daemon
