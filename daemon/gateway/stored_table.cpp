// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/stored_table.h"

#include <algorithm>
#include <array>

namespace messenger::daemon {
namespace {

/// Those that hold what the engine wants; the packet path and the daemons before us write to the others, too.
constexpr std::array kOurSets{nft::SetId::pinholes4,  nft::SetId::pinholes6,      nft::SetId::open4,
                              nft::SetId::open6,      nft::SetId::sip_endpoints4, nft::SetId::sip_endpoints6,
                              nft::SetId::callbacks4, nft::SetId::callbacks6,     nft::SetId::sip_ports,
                              nft::SetId::outside4,   nft::SetId::outside_open4,  nft::SetId::dnat4,
                              nft::SetId::dnat_open4, nft::SetId::snat4};

}  // namespace

bool is_as_wanted(const nft::Element& stored, const nft::Element& wanted) {
    return stored.target == wanted.target && stored.comment.text().empty() == wanted.comment.text().empty();
}

const StoredTable::Listing& StoredTable::list(nft::SetId set) {
    const auto known = listings_.find(set);
    return known != listings_.end() ? known->second : listings_.emplace(set, ruleset_.list(set)).first->second;
}

nft::Expected<void> StoredTable::compare(const nft::Transaction& wanted, nft::Transaction& changes) {
    struct Wanted {
        nft::Place place;
        const nft::Element* element;
        bool is_there = false;
    };
    std::vector<Wanted> all;
    all.reserve(wanted.operations().size());
    for (const nft::Operation& operation : wanted.operations()) {
        all.push_back({{operation.set, operation.element.key}, &operation.element});
    }
    const auto by_place = [](const Wanted& one, const Wanted& other) { return one.place < other.place; };
    std::sort(all.begin(), all.end(), by_place);
    for (const nft::SetId set : kOurSets) {
        const Listing& elements = list(set);
        if (!elements && elements.error().failure == nft::Failure::schema_gone) continue;  // this table has none
        if (!elements) return elements.error();
        for (const nft::StoredElement& stored : *elements) {
            const nft::Place place{set, stored.element.key};
            const auto at = std::lower_bound(all.begin(), all.end(), Wanted{place, nullptr}, by_place);
            const bool found = at != all.end() && at->place == place;
            if (!found) {
                changes.remove(set, stored.element.key);
            } else if (is_as_wanted(stored.element, *at->element)) {
                at->is_there = true;
            }
        }
    }
    for (const Wanted& one : all) {
        if (!one.is_there) changes.refresh(one.place.set, *one.element);
    }
    return {};
}

}  // namespace messenger::daemon
