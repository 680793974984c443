// SPDX-License-Identifier: GPL-2.0-or-later
// The part of PinholeSync that asks the warden for nothing that it would turn down.
#include <algorithm>
#include <vector>

#include "daemon/gateway/pinhole_sync.h"

namespace messenger::daemon {

bool PinholeSync::may_ask_for(nft::SetId set, const nft::Element& element) {
    return rules_ == nullptr || rules_->may_add(set, element);
}

void PinholeSync::take_back_what_may_not_be(nft::Transaction& transaction, std::size_t first) {
    const auto changes = transaction.operations().subspan(first);
    const auto is_wrong = [this](const nft::Operation& one) {
        const bool adds = one.verb == nft::Verb::add || one.verb == nft::Verb::refresh;
        return adds && !may_ask_for(one.set, one.element);
    };
    const auto wrong = std::find_if(changes.begin(), changes.end(), is_wrong);
    if (wrong == changes.end()) return;
    ++counters_.turned_down;
    if (wrong == changes.begin()) {
        transaction.take_back(first, [](const nft::Operation&) { return true; });
        return;
    }
    // What lets an outside form in and what translates it have one key, and neither is of use alone.
    std::vector<nft::Key> keys;
    for (const nft::Operation& one : changes) {
        if (is_wrong(one)) keys.push_back(one.element.key);
    }
    transaction.take_back(first, [&](const nft::Operation& one) {
        return std::find(keys.begin(), keys.end(), one.element.key) != keys.end();
    });
}

}  // namespace messenger::daemon
