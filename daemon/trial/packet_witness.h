// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "daemon/trial/call_trial.h"
#include "daemon/trial/scratch_network.h"
#include "nft/packet_trace.h"
#include "nft/ruleset_copy.h"

namespace messenger::daemon {

/// Tells what became of the packets of the trial: which rule of the copy stopped one, and where that rule stands in the
/// original.
class PacketWitness {
   public:
    /// gateway: has its copy of the rules already. original: borrowed, outlives this. Throws std::runtime_error.
    /// outside: the number of the gateway's outside interface.
    PacketWitness(const NetworkNamespace& gateway, const nft::RulesetCopy& original, std::uint32_t outside);

    /// Sends, and waits until arrived() is true, or a rule has stopped a packet, or time is over. arrived waits itself
    /// for the time that it is given. True if it arrived.
    using Arrived = std::function<bool(std::chrono::milliseconds patience)>;
    [[nodiscard]] bool passes(const std::function<void()>& send, const Arrived& arrived);
    /// Who stopped what was sent last; absent if no rule did.
    [[nodiscard]] const std::optional<Culprit>& culprit() const { return culprit_; }
    /// The first rule that kept something from conntrack that was sent since it was asked last.
    [[nodiscard]] std::optional<Culprit> take_untracked() { return std::exchange(untracked_, std::nullopt); }

   private:
    using CopyPlace = std::tuple<nft::TableName, std::string, std::uint64_t>;

    void match_places(const NetworkNamespace& gateway, const nft::RulesetCopy& original);
    void look();
    void note(nft::TraceStep& step);

    const nft::RulesetCopy& rules_;
    std::uint32_t outside_;
    std::optional<nft::PacketTrace> trace_;
    std::map<CopyPlace, std::uint64_t> original_;                                   ///< handle in the live ruleset
    std::map<std::tuple<std::uint32_t, nft::TableName>, std::string> base_chains_;  ///< where a packet is
    std::map<std::uint32_t, std::uint32_t> in_interfaces_;                          ///< of the same packets
    std::optional<Culprit> culprit_;
    std::optional<Culprit> untracked_;
};

}  // namespace messenger::daemon
