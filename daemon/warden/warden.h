// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "daemon/process/fd.h"
#include "daemon/process/log.h"
#include "daemon/warden/warden_process.h"
#include "daemon/warden/warden_request.h"
#include "nft/element.h"
#include "nft/netlink_gate.h"

namespace messenger::daemon {

/// The process that keeps CAP_NET_ADMIN when this one, which reads what strangers write, gives it up: it sends to the
/// kernel what this one asks for, after a look of its own at each request (nft/request_check.h, opening_rules.h,
/// verdict_check.h). Answers come back through the sockets, which both have.
///
/// One stream carries everything, in order: verdicts follow the transaction that was asked for before them.
class Warden {
   public:
    /// Starts the process; before any thread, with the sockets open and the queues bound. Throws std::system_error.
    Warden(WardenDuty duty, Log& log);
    /// It sees the end of the stream, and ends.
    ~Warden();
    Warden(const Warden&) = delete;
    Warden& operator=(const Warden&) = delete;
    Warden(Warden&&) = delete;
    Warden& operator=(Warden&&) = delete;

    /// For the socket of this channel. Borrowed from this object.
    [[nodiscard]] nft::NetlinkGate& gate(WardenChannel channel) { return gates_.at(static_cast<std::size_t>(channel)); }
    /// Verdicts, for which nobody waits. False if the warden is gone.
    [[nodiscard]] bool post_verdicts(std::span<const std::byte> bytes) noexcept;
    /// Has it look into the sets for signs that hosts have spoken (heard_hosts.h): for each place, whether something
    /// may be opened to its host from now on.
    [[nodiscard]] std::vector<bool> ask_about_hosts(std::span<const nft::Place> places);
    /// Has it forget whom it has heard.
    void forget_hosts();
    /// Has it read the configuration's file anew.
    void order_reload();

    /// Verdicts that it did not give; it has dropped their packets.
    [[nodiscard]] std::uint64_t verdicts_turned_down() const { return counts_->verdicts; }

    /// Readable (EPOLLHUP) when the warden has ended: nothing can be done without it.
    [[nodiscard]] int fd() const { return link_.get(); }

   private:
    class Gate final : public nft::NetlinkGate {
       public:
        Gate(Warden& warden, WardenChannel channel) : warden_(warden), channel_(channel) {}
        [[nodiscard]] int send(std::span<const std::byte> request, std::size_t answers) override;
        [[nodiscard]] int post(std::span<const std::byte> request, std::size_t answers) override;
        [[nodiscard]] std::span<const std::uint32_t> turned_down() const override { return turned_down_; }

       private:
        [[nodiscard]] WardenRequest head_of(std::span<const std::byte> request, std::size_t answers) const;

        Warden& warden_;
        WardenChannel channel_;
        std::vector<std::uint32_t> turned_down_;
    };

    [[nodiscard]] bool put(const WardenRequest& head, std::span<const std::byte> bytes) const noexcept;
    [[nodiscard]] int ask(const WardenRequest& head, std::span<const std::byte> bytes) const noexcept;
    [[nodiscard]] bool take(std::span<std::byte> answer) const noexcept;

    Fd link_;
    pid_t child_ = -1;
    WardenCounts* counts_;  ///< shared with it
    std::array<Gate, 3> gates_{Gate(*this, WardenChannel::ruleset), Gate(*this, WardenChannel::schema),
                               Gate(*this, WardenChannel::conntrack)};
};

}  // namespace messenger::daemon
