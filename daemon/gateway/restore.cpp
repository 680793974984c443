// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/restore.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "daemon/translate.h"
#include "daemon/translate_nat.h"
#include "daemon/warden/plan_check.h"

namespace messenger::daemon {
namespace {

using nft::SetId;
using Elements = std::span<const nft::StoredElement>;

constexpr std::array kPinholeSets{SetId::pinholes4, SetId::pinholes6, SetId::open4, SetId::open6};

/// What there is of a set: nothing, if there was no table before us or one without it.
nft::Expected<Elements> elements_of(StoredTable& table, SetId set) {
    const auto& listing = table.list(set);
    if (listing) return Elements(*listing);
    if (listing.error().failure == nft::Failure::schema_gone) return Elements();
    return listing.error();
}

/// The outside form of a pinhole says that it is there, too. Without the pinhole, its call would seem to have ended,
/// and what translates for it would be taken away.
nft::Expected<void> find_pinholes_behind(StoredTable& table) {
    std::vector<nft::Place> pinholes;
    for (const SetId map : {SetId::dnat4, SetId::dnat_open4}) {
        const auto elements = elements_of(table, map);
        if (!elements) return elements.error();
        for (const nft::StoredElement& stored : *elements) {
            const auto end = outside_end_at(map, stored.element);
            const auto pinhole = end ? place_of(end->key) : std::nullopt;
            if (pinhole) pinholes.push_back(*pinhole);
        }
    }
    return table.look_again(pinholes);
}

nft::Expected<void> restore_pinholes(StoredTable& table, alg::Engine& engine, alg::TimePoint now, Restored& restored) {
    for (const SetId set : kPinholeSets) {
        const auto elements = elements_of(table, set);
        if (!elements) return elements.error();
        for (const nft::StoredElement& stored : *elements) {
            const auto pinhole = pinhole_at(set, stored.element.key);
            const auto note = parse_comment(stored.element.comment.text());
            if (!pinhole || !note) continue;  // not written by us: it goes with the old table
            alg::PinholeChange open;
            open.key = *pinhole;
            open.purpose = note->purpose;
            if (!may_open(open, engine.policy())) {
                ++restored.forbidden;
                continue;
            }
            engine.restore(*pinhole, note->purpose, note->label(), stored.expires, now);
            if (const auto& other = note->sharer) {
                engine.restore(*pinhole, note->purpose, {other->call, other->dialog, {}}, stored.expires, now);
            }
            ++restored.pinholes;
        }
    }
    return {};
}

/// Whether it may lead inside still. Notes if not, or if it only just may.
bool may_keep(const Restored::Outside& end, const TableParts& parts, const alg::Engine& engine, Restored& restored) {
    const std::uint16_t port = end.outside.port;
    const bool may = !engine.policy().is_reserved(port);
    if (!may) restored.reserved.push_back(end);
    if (std::binary_search(parts.passing_ports.begin(), parts.passing_ports.end(), port))
        restored.shared.push_back(end);
    return may;
}

/// Each once, however many remote hosts know it.
void unite(std::vector<Restored::Outside>& ends) {
    const auto place = [](const Restored::Outside& end) { return std::tie(end.transport, end.outside); };
    std::sort(ends.begin(), ends.end(), [&](const auto& one, const auto& other) { return place(one) < place(other); });
    const auto is_same = [&](const auto& one, const auto& other) { return place(one) == place(other); };
    ends.erase(std::unique(ends.begin(), ends.end(), is_same), ends.end());
}

nft::Expected<void> restore_bindings(StoredTable& table, const TableParts& parts, alg::Engine& engine,
                                     alg::TimePoint now, Restored& restored) {
    const auto elements = elements_of(table, SetId::snat4);
    if (!elements) return elements.error();
    for (const nft::StoredElement& stored : *elements) {
        const auto binding = binding_at(stored.element);
        if (!binding || !engine.policy().inside.contains(binding->key.inside.address)) continue;
        const alg::Endpoint outside{binding->key.outside, binding->outside_port};
        if (!may_keep({binding->key.transport, binding->key.inside, outside}, parts, engine, restored)) continue;
        alg::CallLabel label;
        label.call = binding->call;
        engine.restore_binding(binding->key, binding->outside_port,
                               binding->contact ? std::nullopt : std::optional(label), stored.expires, now);
    }
    return {};
}

/// Of the pinholes that no binding tells of.
nft::Expected<void> restore_outside_ends(StoredTable& table, const TableParts& parts, alg::Engine& engine,
                                         Restored& restored) {
    for (const SetId map : {SetId::dnat4, SetId::dnat_open4}) {
        const auto elements = elements_of(table, map);
        if (!elements) return elements.error();
        for (const nft::StoredElement& stored : *elements) {
            const auto end = outside_end_at(map, stored.element);
            if (!end || !may_keep({end->key.transport, end->key.inside, end->outside}, parts, engine, restored))
                continue;
            engine.restore_outside(end->key, end->outside);
        }
    }
    return {};
}

/// Without NAT there are no maps for their outside forms; the inside ones hold as they are.
nft::Expected<void> restore_callbacks(StoredTable& table, const TableParts& parts, alg::Engine& engine,
                                      alg::TimePoint now, Restored& restored) {
    for (const SetId set : {SetId::callbacks4, SetId::callbacks6}) {
        const auto elements = elements_of(table, set);
        if (!elements) return elements.error();
        for (const nft::StoredElement& stored : *elements) {
            const auto callback = callback_at(stored.element);
            if (!callback) continue;
            alg::CallbackChange open;
            open.transport = callback->key.transport;
            open.inside = callback->key.inside;
            open.remote = callback->key.remote;
            if (!may_call_back(open, engine.policy())) {
                ++restored.forbidden;
                continue;
            }
            const auto outside = parts.nat ? callback->outside : std::nullopt;
            // What comes to a reserved one is for somebody else: without the binding, nothing may lead inside.
            if (outside &&
                !may_keep({callback->key.transport, callback->key.inside, *outside}, parts, engine, restored)) {
                continue;
            }
            engine.restore_callback(callback->key, outside, callback->holders, stored.expires, now);
        }
    }
    return {};
}

bool may_stay(nft::Element element, SetId set, const TableParts& parts) {
    element.timeout = std::chrono::seconds(1);  // that of another configuration says nothing
    return parts.rules == nullptr || parts.rules->may_add(set, element);
}

nft::Expected<void> restore_tls(StoredTable& table, nft::Conntrack& conntrack, const TableParts& parts,
                                alg::Engine& engine, alg::TimePoint now, Restored& restored) {
    for (const SetId set : {SetId::tls_clients4, SetId::tls_clients6}) {
        const auto elements = elements_of(table, set);
        if (!elements) return elements.error();
        for (const nft::StoredElement& stored : *elements) {
            const auto tuple = nft::read_tuple_key(stored.element.key);
            if (!tuple) continue;
            if (!may_stay(stored.element, set, parts)) {
                ++restored.tls_clients;
                continue;
            }
            const auto translation = conntrack.translation(*tuple);
            const bool hidden = parts.nat && translation && *translation && (*translation)->outside;
            engine.restore_tls(to_alg(*tuple), hidden ? to_alg((*translation)->outside->address) : alg::IpAddress{},
                               now);
        }
    }
    return {};
}

}  // namespace

nft::Expected<Restored> restore(StoredTable& table, nft::Conntrack& conntrack, const TableParts& parts,
                                alg::Engine& engine, alg::TimePoint now) {
    Restored restored;
    if (parts.nat) {
        if (auto found = find_pinholes_behind(table); !found) return found.error();
    }
    if (auto done = restore_pinholes(table, engine, now, restored); !done) return done.error();
    // After the pinholes, because the bindings of a call without any are let go.
    if (parts.nat) {
        if (auto done = restore_bindings(table, parts, engine, now, restored); !done) return done.error();
        if (auto done = restore_outside_ends(table, parts, engine, restored); !done) return done.error();
    }
    if (auto done = restore_callbacks(table, parts, engine, now, restored); !done) return done.error();
    unite(restored.reserved);
    unite(restored.shared);
    if (!parts.tls) return restored;
    if (auto done = restore_tls(table, conntrack, parts, engine, now, restored); !done) return done.error();
    return restored;
}

}  // namespace messenger::daemon
