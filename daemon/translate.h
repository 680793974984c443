// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "alg/net/tuple.h"
#include "alg/plan.h"
#include "nft/address.h"
#include "nft/element.h"
#include "nft/set_spec.h"
#include "nft/transaction.h"

namespace messenger::daemon {

// The one place that knows both alg's and nft's names for the same things: addresses, pinholes, changes.

[[nodiscard]] nft::Protocol to_nft(alg::Transport transport);
[[nodiscard]] nft::Address to_nft(const alg::IpAddress& address);
[[nodiscard]] nft::Endpoint to_nft(const alg::Endpoint& endpoint);
[[nodiscard]] nft::FlowTuple to_nft(const alg::FlowTuple& tuple);
[[nodiscard]] alg::Transport to_alg(nft::Protocol protocol);
[[nodiscard]] alg::IpAddress to_alg(const nft::Address& address);
[[nodiscard]] alg::Endpoint to_alg(const nft::Endpoint& endpoint);
[[nodiscard]] alg::FlowTuple to_alg(const nft::FlowTuple& tuple);

/// Where a pinhole is in the table. Absent if the two ends are of different families: no packet could use such a
/// pinhole.
[[nodiscard]] std::optional<nft::Place> place_of(const alg::PinholeKey& pinhole);
/// The way back, after a restart. Absent if the set holds no pinholes, or the key is none that place_of() gives.
[[nodiscard]] std::optional<alg::PinholeKey> pinhole_at(nft::SetId set, const nft::Key& key);

/// What the comment of a pinhole's element says.
///
///     audio rtp call=0123456789abcdef dialog=fedcba9876543210 id=a84b4c76e66710@pc33.example.com
///
/// With " and=CALL/DIALOG" before the Call-ID if another call needs it, too.
/// "id~" in place of "id=": the Call-ID did not fit, or has bytes that a comment cannot hold, so the text is only for
/// people.
struct PinholeNote {
    alg::Purpose purpose;
    std::uint64_t call = 0;
    std::uint64_t dialog = 0;
    std::optional<alg::PinholeChange::Sharer> sharer;
    std::string_view call_id;  ///< borrowed from the comment
    bool call_id_is_whole = false;

    /// What Engine::restore() takes: a text that is not the Call-ID itself would make the call's own messages look like
    /// those of another call, so it is left out.
    [[nodiscard]] alg::CallLabel label() const {
        return {call, dialog, call_id_is_whole ? call_id : std::string_view{}};
    }
};

[[nodiscard]] nft::Comment format_comment(alg::Purpose purpose, const alg::CallLabel& label,
                                          const std::optional<alg::PinholeChange::Sharer>& sharer = {});
/// Absent if it is not as format_comment() writes it.
[[nodiscard]] std::optional<PinholeNote> parse_comment(std::string_view comment);

/// Appends what the change means for the sets: nothing for forget, and for a pinhole without place_of().
void translate(const alg::PinholeChange& change, nft::Transaction& transaction);

}  // namespace messenger::daemon
