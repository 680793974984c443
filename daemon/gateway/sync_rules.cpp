// SPDX-License-Identifier: GPL-2.0-or-later
// The part of PinholeSync that asks the warden for nothing that it would turn down, and ends what may not be open.
#include <algorithm>
#include <vector>

#include "daemon/gateway/pinhole_sync.h"
#include "daemon/warden/plan_check.h"

namespace messenger::daemon {

bool PinholeSync::may_ask_for(nft::SetId set, const nft::Element& element) const {
    return rules_ == nullptr || rules_->may_add(set, element);
}

bool PinholeSync::take_back_what_may_not_be(nft::Transaction& transaction, std::size_t first) const {
    const auto changes = transaction.operations().subspan(first);
    const auto is_wrong = [this](const nft::Operation& one) {
        const bool adds = one.verb == nft::Verb::add || one.verb == nft::Verb::refresh;
        return adds && !may_ask_for(one.set, one.element);
    };
    const auto wrong = std::find_if(changes.begin(), changes.end(), is_wrong);
    if (wrong == changes.end()) return false;
    if (wrong == changes.begin()) {
        transaction.take_back(first, [](const nft::Operation&) { return true; });
        return true;
    }
    // What lets an outside form in and what translates it have one key, and neither is of use alone.
    std::vector<nft::Key> keys;
    for (const nft::Operation& one : changes) {
        if (is_wrong(one)) keys.push_back(one.element.key);
    }
    transaction.take_back(first, [&](const nft::Operation& one) {
        return std::find(keys.begin(), keys.end(), one.element.key) != keys.end();
    });
    return true;
}

void PinholeSync::stage_only_allowed(std::size_t first) {
    if (take_back_what_may_not_be(staged_, first)) ++counters_.turned_down;
}

std::size_t PinholeSync::stage_end_of_forbidden(alg::Engine& engine, alg::TimePoint now) {
    if (policy_ == nullptr) return 0;
    alg::Plan ends;
    engine.snapshot(now, ends);
    std::erase_if(ends.changes, [this](const auto& open) { return may_open(open, *policy_); });
    std::erase_if(ends.callbacks, [this](const auto& open) { return may_call_back(open, *policy_); });
    for (alg::PinholeChange& change : ends.changes) change.kind = alg::PinholeChange::Kind::remove;
    // Where they lead, signalling is still read: connections that were called in go on.
    for (alg::CallbackChange& change : ends.callbacks) change.kind = alg::CallbackChange::Kind::remove;
    // Nothing comes in by these alone.
    ends.bindings.clear();
    ends.tls_flows.clear();
    stage(ends);
    return ends.changes.size() + ends.callbacks.size();
}

bool PinholeSync::is_wanted(const alg::Engine& engine, const alg::PinholeKey& key) const {
    const auto* pinhole = engine.pinholes().find(key);
    if (pinhole == nullptr) return false;
    alg::PinholeChange open;
    open.key = key;
    open.purpose = pinhole->purpose;
    return policy_ == nullptr || may_open(open, *policy_);
}

}  // namespace messenger::daemon
