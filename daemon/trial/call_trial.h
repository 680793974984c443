// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alg/net/tuple.h"
#include "daemon/config/config.h"
#include "daemon/trial/scratch_network.h"
#include "nft/ruleset_copy.h"

namespace messenger::daemon {

/// The rule that stopped a packet, or kept it from conntrack, as it stands in the live ruleset.
struct Culprit {
    nft::RulePlace place;           ///< handle 0: the policy of a base chain
    std::string base_chain;         ///< of the same table, by which the packet came to the rule
    bool ours = false;              ///< a rule of messenger-alg
    bool from_outside = false;      ///< the packet came from outside: of a TCP connection from inside, an answer
    bool to_other_program = false;  ///< it hands packets to a queue that we know nothing of
};

/// One thing that a call needs, or that must not happen.
struct Leg {
    enum class Outcome : std::uint8_t {
        good,
        bad,
        unknown,    ///< a rule hands the packet to a program that is not part of the trial
        not_tried,  ///< what it builds on failed
    };
    std::string name;  ///< stable: "signalling_out"
    std::string transport;
    std::string text;  ///< for people: "RTP from 131.107.1.20 to the inside host"
    Outcome outcome = Outcome::not_tried;
    std::string detail;  ///< why, where that is known
    std::optional<Culprit> culprit;
    std::optional<Culprit> untracked;  ///< what kept it from conntrack
};
[[nodiscard]] std::string_view name(Leg::Outcome outcome);

/// A call through a copy of the live rules, with a daemon of its own.
struct TrialResult {
    std::string failure;  ///< the trial could not be made, and why; then there is nothing else
    std::vector<Leg> legs;
    std::vector<nft::RulesetCopy::Refusal> not_copied;  ///< tables that the trial went without
    bool translated = false;                            ///< the rules hide the inside host (NAT)
    bool policy_routes = false;                         ///< not copied
    std::string daemon_log;                             ///< its last lines, if it failed
};

struct TrialOptions {
    const Config& config;
    std::string daemon;  ///< the program
    TrialPlaces places;
    std::vector<alg::Transport> transports;
};

/// Makes the trial: some tenths of a second for each transport, more for each leg that fails. Touches nothing of the
/// live network; rules is a copy of its ruleset. Throws Interrupted (interruption.h).
[[nodiscard]] TrialResult try_calls(const TrialOptions& options, const LiveHost& host, const nft::RulesetCopy& rules);

}  // namespace messenger::daemon
