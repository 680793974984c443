// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string_view>

#include "alg/call/callback_table.h"
#include "alg/nat/binding_table.h"
#include "alg/plan.h"
#include "daemon/translate.h"
#include "nft/element.h"
#include "nft/set_spec.h"
#include "nft/transaction.h"

namespace messenger::daemon {

// What translate.h is for pinholes, for NAT, for callbacks and for TLS connections.

/// Where the outside form of a pinhole is: the set that lets its first packets be admitted, and the map that translates
/// them. Absent without an outside end.
struct OutsidePlaces {
    nft::SetId set = nft::SetId::outside4;
    nft::SetId map = nft::SetId::dnat4;
    nft::Key key;
};
[[nodiscard]] std::optional<OutsidePlaces> outside_places(const alg::PinholeChange& change);

/// Appends what the change means beside translate(): nothing without an outside end. timeout: the pinhole's own grows
/// with its media, which these do not see, so they get the time that a call may last.
void translate_outside(const alg::PinholeChange& change, alg::Duration timeout, nft::Transaction& transaction);

/// interface: the one that has the address of change.outside.
void translate(const alg::BindingChange& change, std::string_view interface, nft::Transaction& transaction);
void translate(const alg::CallbackChange& change, nft::Transaction& transaction);
/// Where its inside form is. Absent if the two ends are of different families.
[[nodiscard]] std::optional<nft::Place> place_of(const alg::CallbackChange& change);
void translate(const alg::TlsFlowChange& change, nft::Transaction& transaction);

/// A binding of snat4 as it is read back. label: of the call that its comment names; absent for a Contact's:
///
///     binding call=0123456789abcdef dialog=fedcba9876543210 id=a84b4c76e66710@pc33.example.com
///     contact
struct StoredBinding {
    alg::BindingKey key;
    std::uint16_t outside_port = 0;
    bool contact = false;
    std::uint64_t call = 0;
};
/// Absent if it is not one of ours. element: of snat4.
[[nodiscard]] std::optional<StoredBinding> binding_at(const nft::Element& element);

/// The outside end of a pinhole, as it is read back from its map.
struct StoredOutsideEnd {
    alg::PinholeKey key;
    alg::Endpoint outside;
};
/// Absent if it is a callback's, or not one of ours. element: of map, which is dnat4 or dnat_open4.
[[nodiscard]] std::optional<StoredOutsideEnd> outside_end_at(nft::SetId map, const nft::Element& element);

/// A callback as it is read back from its inside form, whose comment says "callback" or "callback as=192.0.2.10:5060",
/// and between them who holds it: "users=2" if that is more than one registration, or none, "marks=000000000000001f" of
/// whom (see CallbackHolders), and "calls" if calls do, too.
struct StoredCallback {
    alg::CallbackTable::Key key;
    std::optional<alg::Endpoint> outside;
    alg::CallbackHolders holders;
};
/// Absent if it is an outside form, or not one of ours. element: of callbacks4 or callbacks6.
[[nodiscard]] std::optional<StoredCallback> callback_at(const nft::Element& element);

}  // namespace messenger::daemon
