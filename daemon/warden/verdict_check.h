// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "alg/policy.h"
#include "daemon/config/config.h"
#include "daemon/process/interfaces.h"
#include "nft/attributes.h"

namespace messenger::daemon {

/// Judges what is to be sent to the queues: verdicts as VerdictBatch writes them and nothing else. Other messages of
/// this subsystem could bind queues, hand packets on to other programs, or change conntrack entries.
///
/// A first packet (queue.admit) goes on as it came or not at all: with other bytes or another mark it could become
/// whatever it liked, before conntrack and every rule of others have seen it. A packet of signalling may get a mark;
/// which one, cannot be judged here: the kernel replaces all of its bits, so the verdict repeats those of others. It
/// may get other bytes where messages are changed (NAT, policy.compression), if it could still be signalling and, going
/// to an inside host (or one that was inside), leads to no port below 1024 but those of SIP. What it was before, nobody
/// has told the warden.
class VerdictCheck {
   public:
    /// Before the first verdict, after a reload, and when this host has other addresses.
    void update(const Config& config, std::span<const InterfaceAddress> addresses);

    /// The bytes of one send, aligned like nlmsghdr.
    [[nodiscard]] bool holds_only_verdicts(std::span<const std::byte> request) const;

    struct Mended {
        std::vector<std::byte> bytes;  ///< good verdicts, and drops in the place of the others
        std::size_t turned_down = 0;   ///< how many were not good
    };
    /// Of one that holds others, what may be sent: each is judged alone, and the packet of one that may not be given is
    /// dropped rather than left in the queue for ever. What names no packet of our queues is left out.
    [[nodiscard]] Mended mend(std::span<const std::byte> request) const;

   private:
    [[nodiscard]] bool is_ours(std::uint16_t queue) const { return signalling_.contains(queue) || admit_ == queue; }
    [[nodiscard]] bool is_verdict(std::uint16_t queue, std::span<const std::byte> attributes) const;
    [[nodiscard]] bool may_change(std::uint16_t queue, const nft::Attributes& verdict) const;
    [[nodiscard]] bool may_become(std::span<const std::byte> packet) const;

    alg::Policy policy_;
    /// Networks that are inside, or were before a reload or before an interface got another address: what goes on in a
    /// connection that was edited then still comes to the queue, and is translated as it was.
    std::vector<alg::Prefix> inside_;
    NumberRange signalling_;
    std::optional<std::uint16_t> admit_;
    bool nat_ = false;
    bool overwrites_ = false;  ///< stays: what was changed before a reload comes again as it was changed
};

}  // namespace messenger::daemon
