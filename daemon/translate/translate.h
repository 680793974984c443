// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "alg/net/tuple.h"
#include "alg/plan.h"
#include "nft/element.h"
#include "nft/transaction.h"

namespace messenger::daemon {

// The one place where alg's endpoints and pinholes become nft's keys and elements, and the way back after a restart.

[[nodiscard]] nft::Address to_nft(const alg::IpAddress& address);
[[nodiscard]] nft::Endpoint to_nft(const alg::Endpoint& endpoint);
[[nodiscard]] nft::FlowTuple to_nft(const alg::FlowTuple& tuple);
[[nodiscard]] alg::IpAddress to_alg(const nft::Address& address);

[[nodiscard]] nft::SetId set_of(const alg::PinholeKey& key);
[[nodiscard]] nft::Key key_of(const alg::PinholeKey& key);

/// Adds what the change means for the sets. A pinhole that timed out (forget) has left the kernel by itself.
void stage_change(nft::Transaction& transaction, const alg::PinholeChange& change);

/// What the comment of an element says, so that an operator sees who it is for and a daemon started later knows which
/// call it belongs to: "audio rtp; call 1-1966@10.0.2.20; 0123456789abcdef.0123456789abcdef", the numbers being
/// CallLabel::call and CallLabel::dialog. A long Call-ID is cut, and bytes that are not plain become '?'.
[[nodiscard]] nft::Comment format_comment(const alg::Purpose& purpose, const alg::CallLabel& label);

/// A pinhole found in the kernel.
struct KnownPinhole {
    alg::PinholeKey key;
    alg::Purpose purpose;
    std::uint64_t call = 0;
    std::uint64_t dialog = 0;
    std::string call_id;  ///< as far as the comment has it; empty if it was cut
    alg::Duration remaining{};

    /// Borrows call_id.
    [[nodiscard]] alg::CallLabel label() const& { return {call, dialog, call_id}; }
    alg::CallLabel label() && = delete;
};
/// set: one of the pinhole sets. Absent if the element is not one that stage_change made: its key or its comment is not
/// ours, or it leads to nothing.
[[nodiscard]] std::optional<KnownPinhole> read_pinhole(nft::SetId set, const nft::StoredElement& stored);

}  // namespace messenger::daemon
