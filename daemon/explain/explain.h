// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "alg/limits.h"
#include "alg/nat/nat_path.h"
#include "alg/policy.h"
#include "daemon/explain/report.h"

namespace messenger::daemon {

enum class ExplainFormat : std::uint8_t { account, json, nft };

struct ExplainOptions {
    alg::Policy policy;
    alg::Limits limits;
    ExplainFormat format = ExplainFormat::account;
    std::optional<alg::NatPath> nat;  ///< the inside hosts are hidden behind it: what would be edited is told
    bool diff = false;                ///< and every changed line is shown
    InsideChoice inside;              ///< how policy.inside came about
    std::vector<std::string> files;   ///< "-" is standard input
};

/// limits for captures: its timeouts stay, but no call of a big capture is left out, and no sender is too fast.
[[nodiscard]] alg::Limits limits_for_captures(alg::Limits limits);

/// What messenger-algd would do with the traffic of each capture, each with an engine of its own. The report goes to
/// out, complaints about files go to err. True if every capture was read to its end and out could be written.
[[nodiscard]] bool explain(const ExplainOptions& options, std::FILE* out, std::FILE* err);

}  // namespace messenger::daemon
