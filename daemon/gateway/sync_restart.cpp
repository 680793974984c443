// SPDX-License-Identifier: GPL-2.0-or-later
// The part of PinholeSync that carries the table from one daemon to the next.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "daemon/gateway/pinhole_sync.h"
#include "daemon/translate.h"

namespace messenger::daemon {

nft::Expected<Restored> PinholeSync::restore(alg::Engine& engine, alg::TimePoint now,
                                             std::span<const std::uint16_t> passing_ports) {
    // That these are reserved holds for what comes.
    const alg::Policy policy = engine.policy();
    alg::Policy before = policy;
    std::erase_if(before.reserved_ports, [&](std::uint16_t port) {
        return std::binary_search(passing_ports.begin(), passing_ports.end(), port);
    });
    engine.set_policy(before);
    auto restored =
        daemon::restore(table_, conntrack_, {options_.nat, options_.tls, rules_, passing_ports}, engine, now);
    engine.set_policy(policy);
    if (restored && hosts_ != nullptr) recall_stored_hosts();
    return restored;
}

/// By what is open to them. That is also all that may be left of those who have been silent for long.
void PinholeSync::recall_stored_hosts() {
    using nft::SetId;
    std::set<alg::IpAddress> seen;
    std::vector<nft::Place> places;
    for (const SetId set :
         {SetId::pinholes4, SetId::pinholes6, SetId::open4, SetId::open6, SetId::callbacks4, SetId::callbacks6}) {
        const auto& listing = table_.list(set);
        if (!listing) continue;
        for (const nft::StoredElement& stored : *listing) {
            const nft::Place place{set, stored.element.key};
            const auto host = host_at(place);
            if (host && seen.insert(*host).second) places.push_back(place);
        }
    }
    hosts_->recall(places);
}

nft::Expected<std::size_t> PinholeSync::take_over(alg::Engine& engine, alg::TimePoint now) {
    // What restore() read is good while we have changed nothing: of what others change the watch tells.
    if (counters_.transactions > 0) table_.forget();
    auto comparison = TableComparison::begin(table_);
    if (!comparison) return comparison.error();
    each_wanted(engine, now, [&](const nft::Operation& wanted) { comparison->see(wanted); });
    nft::Transaction changes = comparison->finish();
    table_.forget();
    return complete(changes);
}

nft::Expected<void> PinholeSync::wait_for_others() {
    if (options_.sip_ports.empty()) return {};  // then leave() has nothing either
    nft::Transaction known;
    known.add(nft::SetId::sip_ports, {nft::Key::port(nft::Protocol::udp, options_.sip_ports.front()), {}, {}, {}});
    if (const auto committed = ruleset_.commit(known); !committed) return committed.error();
    return {};
}

std::optional<LeftTable> PinholeSync::leave(alg::Engine& engine, alg::TimePoint now) {
    if (in_doubt_ || observing_ || counters_.refused > 0 || options_.sip_ports.empty()) return std::nullopt;
    LeftTable table;
    for (const nft::SetId set : StoredTable::sets()) table.sets[set];
    const std::size_t held_back = each_wanted(engine, now, [&](const nft::Operation& wanted) {
        const auto elements = table.sets.find(wanted.set);
        if (elements == table.sets.end()) return;
        elements->second.push_back({wanted.element, wanted.element.timeout, std::nullopt});
    });
    // It may be in the kernel from before: the next daemon has to find it there, and close it.
    if (held_back > 0) return std::nullopt;
    for (const alg::PinholeKey& key : closed_.all()) {
        if (const auto place = place_of(key)) table.closed.push_back(*place);
    }
    return table;
}

void PinholeSync::take(LeftTable table) {
    for (const nft::Place& place : table.closed) {
        if (const auto key = pinhole_at(place.set, place.key)) closed_.add(*key);
    }
    table_.preload(std::move(table));
}

}  // namespace messenger::daemon
