// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "alg/engine.h"
#include "daemon/config/config.h"
#include "daemon/gateway/event_log.h"
#include "daemon/gateway/pinhole_sync.h"
#include "daemon/gateway/pipeline.h"
#include "daemon/process/event_loop.h"
#include "daemon/process/interfaces.h"
#include "daemon/process/log.h"
#include "daemon/queue/queue_socket.h"
#include "nft/conntrack.h"
#include "nft/features.h"
#include "nft/kernel_ruleset.h"
#include "nft/ruleset_watch.h"
#include "nft/schema.h"

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
    struct Kernel {
        nft::KernelRuleset ruleset;
        nft::Schema schema;
        nft::Conntrack conntrack;
    };

    [[nodiscard]] static Kernel open_kernel(const Config& config, Log& log);
    [[nodiscard]] alg::Policy read_policy();
    void watch_everything();
    void on_packets();
    void on_ruleset_change();
    void reload();
    void reinstall(std::string_view why);
    void report(const std::optional<nft::NftError>& error);
    void feed_watchdog();

    Config config_;
    std::string config_file_;
    Log& log_;
    EventLoop loop_;
    Kernel kernel_;
    alg::Engine engine_;
    PinholeSync sync_;
    EventLog events_;
    QueueSocket queue_;
    Pipeline pipeline_;
    InterfaceMonitor interfaces_;
    std::optional<nft::RulesetWatch> watch_;
    EventLoop::TimerId expiry_timer_;
    EventLoop::TimerId sweep_timer_;
    EventLoop::TimerId repair_timer_;
    EventLoop::TimerId watchdog_timer_;
    bool sweep_armed_ = false;
};

/// Deletes the table: what is left of the daemon in the kernel. For the removal of the package.
void remove_table();

}  // namespace messenger::daemon
