// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/stored_table.h"

#include <algorithm>
#include <array>
#include <utility>

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

void StoredTable::preload(LeftTable&& table) {
    for (auto& [set, elements] : table.sets) listings_.insert_or_assign(set, std::move(elements));
}

std::span<const nft::SetId> StoredTable::sets() {
    return kOurSets;
}

nft::Expected<TableComparison> TableComparison::begin(StoredTable& table) {
    TableComparison comparison;
    for (const nft::SetId set : kOurSets) {
        const StoredTable::Listing& elements = table.list(set);
        if (!elements && elements.error().failure == nft::Failure::schema_gone) continue;  // this table has none
        if (!elements) return elements.error();
        std::vector<Known>& known = comparison.sets_[set];
        known.reserve(elements->size());
        for (const nft::StoredElement& stored : *elements) known.push_back({&stored});
        std::sort(known.begin(), known.end(), [](const Known& one, const Known& other) {
            return one.stored->element.key < other.stored->element.key;
        });
    }
    return comparison;
}

void TableComparison::see(const nft::Operation& wanted) {
    const auto set = sets_.find(wanted.set);
    if (set != sets_.end()) {
        const auto before = [](const Known& one, const nft::Key& key) { return one.stored->element.key < key; };
        const auto known = std::lower_bound(set->second.begin(), set->second.end(), wanted.element.key, before);
        if (known != set->second.end() && known->stored->element.key == wanted.element.key) {
            known->is_wanted = true;
            if (is_as_wanted(known->stored->element, wanted.element)) return;
        }
    }
    changes_.refresh(wanted.set, wanted.element);
}

nft::Transaction TableComparison::finish() {
    for (const auto& [set, elements] : sets_) {
        for (const Known& known : elements) {
            if (!known.is_wanted) changes_.remove(set, known.stored->element.key);
        }
    }
    return std::move(changes_);
}

}  // namespace messenger::daemon
