// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "alg/engine.h"
#include "daemon/commands/daemon_parts.h"
#include "daemon/config/config.h"
#include "daemon/control/command_table.h"
#include "daemon/control/control_socket.h"
#include "daemon/gateway/closed_looks.h"
#include "daemon/gateway/connection_handover.h"
#include "daemon/gateway/conntrack_translations.h"
#include "daemon/gateway/edited_connections.h"
#include "daemon/gateway/event_log.h"
#include "daemon/gateway/event_stream.h"
#include "daemon/gateway/kernel_parts.h"
#include "daemon/gateway/known_hosts.h"
#include "daemon/gateway/pinhole_sync.h"
#include "daemon/gateway/pipeline.h"
#include "daemon/gateway/steering.h"
#include "daemon/gateway/table_handover.h"
#include "daemon/gateway/table_keeper.h"
#include "daemon/gateway/tracking_check.h"
#include "daemon/journal/call_journal.h"
#include "daemon/journal/media_watch.h"
#include "daemon/journal/one_way_log.h"
#include "daemon/metrics/textfile_writer.h"
#include "daemon/process/event_loop.h"
#include "daemon/process/interfaces.h"
#include "daemon/process/log.h"
#include "daemon/process/outside_interfaces.h"
#include "daemon/queue/gathering.h"
#include "daemon/queue/queue_socket.h"
#include "daemon/queue/queue_statistics.h"
#include "daemon/warden/opening_rules.h"
#include "daemon/warden/warden.h"

namespace messenger::daemon {

/// The running daemon: everything it owns, and what wakes it up. Made once the configuration is known to be good.
class Gateway {
   public:
    /// Finds out what the kernel can do, takes over what is in it, and has the table in place when it returns. Throws
    /// std::runtime_error or std::system_error with a sentence for the operator.
    Gateway(const Config& config, std::string config_file, Log& log);
    Gateway(const Gateway&) = delete;
    Gateway& operator=(const Gateway&) = delete;
    Gateway(Gateway&&) = delete;
    Gateway& operator=(Gateway&&) = delete;
    ~Gateway() = default;

    /// Until SIGTERM or SIGINT. The table stays behind: calls go on, and the next daemon takes them over.
    void run();

   private:
    void part_with_rights();
    [[nodiscard]] alg::Policy read_policy();
    void reserve_bound_ports(alg::Policy& policy);
    void refresh_policy();
    void refresh_rules();
    void close_forbidden();
    void watch_everything();
    void name_inside_interfaces();
    void warn_of_tls();
    void warn_of_lost(const Restored& restored);
    void drain_adopted_queue();
    /// Says what has changed. True if an interface has lost the address it had.
    bool report_outside_changes();
    void follow_outside_addresses();
    void on_packets();
    void warn_of_unproven();
    void warn_of_untracked();
    void renew_edited_connections();
    void add_commands();
    /// What is wrong with the file; nothing of it holds then.
    [[nodiscard]] std::vector<std::string> reload();
    void report(const std::optional<nft::NftError>& error) { keeper_.report(error); }
    void write_metrics();
    void feed_watchdog();

    Config config_;
    std::string config_file_;
    Log& log_;
    const alg::TimePoint started_;
    EventLoop loop_;
    CommandTable commands_;
    ControlSocket control_;  ///< before anything is touched: a second daemon finds that the first one answers
    QueueStatisticsReader queue_statistics_;
    std::optional<Warden> warden_;  ///< the parts below send through it
    KernelParts kernel_;
    std::vector<std::uint16_t> passing_ports_;  ///< TableParts; read with the policy, and so before the engine
    alg::Engine engine_;
    KnownHosts known_hosts_;
    std::optional<OpeningRules> rules_;  ///< the warden has the same
    PinholeSync sync_;
    OutsideInterfaces outside_;
    TrackingCheck tracking_;
    ConntrackTranslations translations_;
    EditedConnections edited_;
    EventLog events_;
    OneWayLog one_way_log_;
    MediaWatch media_;
    CallJournal journal_;
    EventStream event_stream_;
    PlanObservers observers_;
    OneWayObservers one_way_observers_;
    QueueSocket queue_;
    UnreadPackets unread_;
    TableKeeper keeper_;
    RouteSocket routes_;
    SourceCheck sources_;
    Pipeline pipeline_;
    Gathering gathering_;
    ClosedLooks closed_looks_;
    std::optional<ConnectionHandover> handover_;  ///< with NAT
    TableHandover table_handover_;
    Steering steering_;
    PacketLatencies latencies_;
    std::optional<TextfileWriter> textfile_;  ///< a process of its own, so made in the constructor
    InterfaceMonitor interfaces_;
    std::vector<std::string> waiting_keys_;  ///< of the file as it was read last, for a restart
    const DaemonParts parts_;
    EventLoop::TimerId expiry_timer_;
    EventLoop::TimerId look_timer_;
    EventLoop::TimerId watchdog_timer_;
    EventLoop::TimerId metrics_timer_;
    EventLoop::TimerId renewal_timer_;
    std::uint64_t unproven_told_ = 0;  ///< openings that had waited when we said so last
    alg::TimePoint next_unproven_warning_;
    alg::TimePoint next_untracked_warning_;
};

/// Deletes the table: what is left of the daemon in the kernel. For the removal of the package.
void remove_table();

}  // namespace messenger::daemon
