// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>

#include "alg/engine.h"
#include "daemon/gateway/stored_table.h"
#include "nft/conntrack.h"

namespace messenger::daemon {

/// Which maps and sets the table has beside those of every table.
struct TableParts {
    bool nat = false;
    bool tls = false;
};

/// Tells the engine what a daemon before us left in the kernel: pinholes, then the bindings, call-backs and TLS
/// connections. Changes nothing in the kernel. Returns the number of pinholes.
[[nodiscard]] nft::Expected<std::size_t> restore(StoredTable& table, nft::Conntrack& conntrack, const TableParts& parts,
                                                 alg::Engine& engine, alg::TimePoint now);

}  // namespace messenger::daemon
