// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/united_listing.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace messenger::nft {
namespace {

bool has_smaller_key(const StoredElement& one, const StoredElement& other) {
    return one.element.key < other.element.key;
}

bool has_same_key(const StoredElement& one, const StoredElement& other) {
    return one.element.key == other.element.key;
}

}  // namespace

bool UnitedListing::add(std::vector<StoredElement>& listing) {
    const std::size_t before = elements_.size();
    elements_.insert(elements_.end(), std::make_move_iterator(listing.begin()), std::make_move_iterator(listing.end()));
    listing.clear();
    std::stable_sort(elements_.begin(), elements_.end(), has_smaller_key);
    elements_.erase(std::unique(elements_.begin(), elements_.end(), has_same_key), elements_.end());
    return elements_.size() != before;
}

std::vector<StoredElement> UnitedListing::take() {
    return std::exchange(elements_, {});
}

}  // namespace messenger::nft
