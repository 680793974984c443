// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "alg/engine.h"
#include "daemon/gateway/stored_table.h"
#include "nft/conntrack.h"
#include "nft/request_check.h"

namespace messenger::daemon {

/// Which maps and sets the table has beside those of every table.
struct TableParts {
    bool nat = false;
    bool tls = false;
    const nft::RequestCheck::Judge* rules = nullptr;  ///< what may be opened; absent: everything
    /// Sorted. Where sockets are that may be gone in a moment, as a resolver's: what has one of these keeps it, unless
    /// it is reserved besides.
    std::span<const std::uint16_t> passing_ports{};
};

/// What a table has from before.
struct Restored {
    /// An inside endpoint, and the one outside that it had.
    struct Outside {
        alg::Transport transport = alg::Transport::udp;
        alg::Endpoint inside;
        alg::Endpoint outside;
    };
    std::size_t pinholes = 0;
    std::size_t forbidden = 0;      ///< pinholes and callbacks that the configuration does not allow any more
    std::vector<Outside> reserved;  ///< lost: nat.reserved_ports, or a service of this host, has the port
    std::vector<Outside> shared;    ///< kept, though one of passing_ports
    std::size_t tls_clients = 0;    ///< connections that the configuration does not let open anything any more
};

/// Tells the engine what a daemon before us left in the kernel: pinholes, then the bindings, call-backs and TLS
/// connections. Changes nothing in the kernel. What may not be opened any more, a callback whose outside port is
/// another's now among it, the engine is not told of, so it goes.
[[nodiscard]] nft::Expected<Restored> restore(StoredTable& table, nft::Conntrack& conntrack, const TableParts& parts,
                                              alg::Engine& engine, alg::TimePoint now);

}  // namespace messenger::daemon
