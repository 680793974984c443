// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <stdexcept>
#include <utility>

#include "daemon/config/config.h"
#include "daemon/process/log.h"
#include "nft/conntrack.h"
#include "nft/expected.h"
#include "nft/features.h"
#include "nft/kernel_ruleset.h"
#include "nft/ruleset_watch.h"
#include "nft/schema.h"

namespace messenger::daemon {

/// What the gateway speaks to netfilter through, and what that can do.
struct KernelParts {
    nft::Features features;
    nft::KernelRuleset ruleset;
    nft::Schema schema;
    nft::Conntrack conntrack;
    nft::RulesetWatch watch;       ///< for changes that are not of ruleset and schema
    std::uint32_t generation = 0;  ///< of the rules as we found them, with the watch open
};

/// Takes CAP_NET_ADMIN. Throws std::runtime_error with a sentence for the operator if this kernel cannot do what the
/// configuration asks for.
[[nodiscard]] KernelParts open_kernel(const Config& config, Log& log);

/// What an operator has to be told at start, as an exception.
template <class T>
[[nodiscard]] T expect(nft::Expected<T> result) {
    if (!result) throw std::runtime_error(result.error().message());
    return *std::move(result);
}

}  // namespace messenger::daemon
