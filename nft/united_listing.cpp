// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/united_listing.h"

#include <algorithm>
#include <utility>

namespace messenger::nft {
namespace {

/// What the packet path gives an element at least when it refreshes it, which may be less than it was told to have
/// left: the least that timeouts.media_silence can be.
constexpr std::chrono::seconds kLeastRefresh{5};

}  // namespace

bool UnitedListing::add(std::vector<StoredElement>& listing) {
    const std::size_t before = elements_.size();
    // Elements are large: they are moved once, to where they stay.
    std::vector<StoredElement*> order;
    order.reserve(before + listing.size());
    for (StoredElement& known : elements_) order.push_back(&known);
    for (StoredElement& told : listing) order.push_back(&told);
    std::stable_sort(order.begin(), order.end(), [](const StoredElement* one, const StoredElement* other) {
        return one->element.key < other->element.key;
    });
    order.erase(std::unique(order.begin(), order.end(),
                            [](const StoredElement* one, const StoredElement* other) {
                                return one->element.key == other->element.key;
                            }),
                order.end());
    if (order.size() != before) {
        std::vector<StoredElement> united;
        united.reserve(order.size());
        for (StoredElement* one : order) united.push_back(*one);
        elements_ = std::move(united);
    }
    listing.clear();
    return elements_.size() != before;
}

bool UnitedListing::has_all_of(std::size_t count, std::chrono::milliseconds age) const {
    if (age >= kLeastRefresh || count != elements_.size()) return false;
    return std::all_of(elements_.begin(), elements_.end(),
                       [&](const StoredElement& one) { return one.element.timeout.count() == 0 || one.expires > age; });
}

std::vector<StoredElement> UnitedListing::take() {
    return std::exchange(elements_, {});
}

}  // namespace messenger::nft
