// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nft/expected.h"
#include "nft/netlink_socket.h"

namespace messenger::nft {

/// How a rule hands a packet to us.
enum class QueueKind : std::uint8_t {
    native,  ///< nft's own `queue` (NFT_QUEUE)
    xt,      ///< the xtables target NFQUEUE through nft_compat, where the kernel lacks the native one
};

/// What this kernel can do, each found out by trying it alone.
struct Features {
    bool native_queue = false;
    bool xt_queue = false;
    bool conntrack_create = false;  ///< ctnetlink makes entries: passage = "admit" works
    bool destroy_element = false;   ///< a removal that does not mind a missing element (kernel 6.3)
    bool timeout_update = false;    ///< adding an element again changes its timeout (kernel 6.12)
    bool nat_map = false;           ///< a rule translates to what a map says: [nat] works
    bool tcp_reset = false;         ///< a rule answers with a TCP reset
    bool flow_labels = false;       ///< a rule labels flows in conntrack
    bool ipsec_route = false;       ///< a rule knows what IPsec will take

    /// The native queue if there is one; absent if there is no way to queue at all.
    [[nodiscard]] std::optional<QueueKind> queue_kind() const;
    /// "native queue: no; xt NFQUEUE: yes; ..." for the log.
    [[nodiscard]] std::string to_string() const;
};

/// Tries everything once, which also loads the modules, so call it before saying ready. Leaves nothing behind: tables
/// of a name of their own that vanish in the transaction that makes them or with the socket, and one conntrack entry
/// between documentation addresses that is removed again. Errors: not_permitted, and failures to talk at all; a feature
/// that is not there is no error.
[[nodiscard]] Expected<Features> probe_features();

}  // namespace messenger::nft
