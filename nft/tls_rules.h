// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>
#include <vector>

#include "nft/handle.h"
#include "nft/schema.h"

namespace messenger::nft {

/// Chains of the table that the rules for TLS connections add to and jump to.
struct TlsChains {
    std::string_view signalling;
    std::string_view to_daemon;
};

/// The rules that keep tls_clients, and that show the daemon the beginning and the end of such connections. Their
/// number grows with the networks of servers, not with the connections.
void append_tls_rules(const TlsWatch& watch, const TlsChains& chains, std::vector<RuleHandle>& rules);

}  // namespace messenger::nft
