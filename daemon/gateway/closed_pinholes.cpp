// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/closed_pinholes.h"

#include <algorithm>
#include <utility>

#include "daemon/translate.h"

namespace messenger::daemon {

std::vector<alg::PinholeKey> ClosedPinholes::all() const {
    std::vector<alg::PinholeKey> keys = closed_;
    for (const auto* more : {&closed_once_, &due_}) keys.insert(keys.end(), more->begin(), more->end());
    return keys;
}

std::size_t ClosedPinholes::look(const IsWanted& is_wanted, nft::Ruleset& ruleset, nft::Transaction& staged) {
    const Seen seen = look_at(std::exchange(closed_, {}), is_wanted, ruleset, staged);
    closed_once_.insert(closed_once_.end(), seen.closed.begin(), seen.closed.end());
    return seen.open;
}

std::size_t ClosedPinholes::look_late(const IsWanted& is_wanted, nft::Ruleset& ruleset, nft::Transaction& staged) {
    return look_at(std::exchange(due_, std::exchange(closed_once_, {})), is_wanted, ruleset, staged).open;
}

ClosedPinholes::Seen ClosedPinholes::look_at(std::vector<alg::PinholeKey> keys, const IsWanted& is_wanted,
                                             nft::Ruleset& ruleset, nft::Transaction& staged) {
    std::erase_if(keys, [&](const alg::PinholeKey& key) { return !place_of(key) || is_wanted(key); });
    std::vector<nft::Place> places;
    places.reserve(keys.size());
    for (const alg::PinholeKey& key : keys) places.push_back(*place_of(key));
    Seen seen;
    std::vector<bool> open(places.size());
    const auto looked = ruleset.find_each(places, [&](std::size_t index, const nft::StoredElement&) {
        open[index] = true;
        staged.remove(places[index].set, places[index].key);
        ++seen.open;
    });
    for (std::size_t i = 0; i < places.size(); ++i) {
        auto& next = looked && !open[i] ? seen.closed : closed_;
        next.push_back(keys[i]);
    }
    return seen;
}

}  // namespace messenger::daemon
