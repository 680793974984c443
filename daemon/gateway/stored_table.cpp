// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/stored_table.h"

#include <algorithm>
#include <array>
#include <numeric>
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
    if (known != listings_.end()) return known->second;
    was_listed_ = true;
    return listings_.emplace(set, ruleset_.list(set)).first->second;
}

void StoredTable::forget() {
    listings_.clear();
    was_listed_ = false;
}

nft::Expected<void> StoredTable::look_again(std::span<const nft::Place> places) {
    if (!was_listed_) return {};
    std::map<nft::SetId, std::vector<nft::Key>> known;
    std::vector<nft::Place> lacking;
    for (const nft::Place& place : places) {
        const auto [keys, fresh] = known.try_emplace(place.set);
        const Listing& listing = list(place.set);
        if (!listing) continue;  // whoever needs it says so
        if (fresh) {
            keys->second.reserve(listing->size());
            for (const nft::StoredElement& stored : *listing) keys->second.push_back(stored.element.key);
            std::sort(keys->second.begin(), keys->second.end());
        }
        if (!std::binary_search(keys->second.begin(), keys->second.end(), place.key)) lacking.push_back(place);
    }
    std::sort(lacking.begin(), lacking.end());
    lacking.erase(std::unique(lacking.begin(), lacking.end()), lacking.end());
    return ruleset_.find_each(lacking, [&](std::size_t index, const nft::StoredElement& found) {
        listings_.at(lacking[index].set)->push_back(found);
    });
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
        comparison.sets_.emplace(set, Set(*elements));
    }
    return comparison;
}

void TableComparison::see(const nft::Operation& wanted) {
    const auto set = sets_.find(wanted.set);
    const nft::StoredElement* const stored = set == sets_.end() ? nullptr : set->second.take(wanted.element.key);
    if (stored == nullptr || !is_as_wanted(stored->element, wanted.element)) {
        changes_.refresh(wanted.set, wanted.element);
    }
}

nft::Transaction TableComparison::finish() {
    for (const auto& [set, elements] : sets_) {
        for (const nft::StoredElement* stored : elements.rest()) changes_.remove(set, stored->element.key);
    }
    return std::move(changes_);
}

TableComparison::Set::Set(std::span<const nft::StoredElement> elements)
    : elements_(elements), is_wanted_(elements.size()) {}

const nft::StoredElement* TableComparison::Set::take(const nft::Key& key) {
    const std::size_t place = place_of(key);
    if (place == elements_.size()) return nullptr;
    next_ = place + 1;
    is_wanted_[place] = true;
    return &elements_[place];
}

std::vector<const nft::StoredElement*> TableComparison::Set::rest() const {
    std::vector<const nft::StoredElement*> rest;
    for (std::size_t i = 0; i < elements_.size(); ++i) {
        if (!is_wanted_[i]) rest.push_back(&elements_[i]);
    }
    return rest;
}

std::size_t TableComparison::Set::place_of(const nft::Key& key) {
    if (next_ < elements_.size() && elements_[next_].element.key == key) return next_;
    const auto key_at = [this](std::uint32_t place) -> const nft::Key& { return elements_[place].element.key; };
    if (by_key_.size() != elements_.size()) {
        by_key_.resize(elements_.size());
        std::iota(by_key_.begin(), by_key_.end(), 0U);
        std::sort(by_key_.begin(), by_key_.end(),
                  [&](std::uint32_t one, std::uint32_t other) { return key_at(one) < key_at(other); });
    }
    const auto found = std::lower_bound(by_key_.begin(), by_key_.end(), key,
                                        [&](std::uint32_t place, const nft::Key& to) { return key_at(place) < to; });
    return found != by_key_.end() && key_at(*found) == key ? *found : elements_.size();
}

}  // namespace messenger::daemon
