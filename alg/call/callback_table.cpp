// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/callback_table.h"

namespace messenger::alg {

CallbackTable::Allowed CallbackTable::allow(const Key& key, const std::optional<Endpoint>& outside, TimePoint until) {
    auto found = callbacks_.find(key);
    const bool fresh = found == callbacks_.end();
    if (fresh) {
        if (callbacks_.size() >= limits_.registrations) return Allowed::full;
        found = callbacks_.try_emplace(key).first;
        found->second.queued = TimePoint::max();
        ++listeners_[listener(key.transport, key.inside)];
    }
    Callback& callback = found->second;
    callback.until = until;
    callback.outside = outside;
    if (until < callback.queued) {
        callback.queued = until;
        deadlines_.push(until, key);
        deadlines_.compact(callbacks_.size(), [this](TimePoint when, const Key& queued) {
            const auto known = callbacks_.find(queued);
            return known != callbacks_.end() && known->second.queued == when;
        });
    }
    return fresh ? Allowed::added : Allowed::prolonged;
}

bool CallbackTable::forbid(const Key& key) {
    if (callbacks_.erase(key) == 0) return false;
    const auto found = listeners_.find(listener(key.transport, key.inside));
    if (found != listeners_.end() && --found->second == 0) listeners_.erase(found);
    return true;
}

bool CallbackTable::admits(const FlowTuple& tuple) const {
    if (callbacks_.empty()) return false;
    return callbacks_.contains({tuple.transport, tuple.destination, tuple.source.address}) ||
           callbacks_.contains({tuple.transport, tuple.source, tuple.destination.address});
}

bool CallbackTable::is_listener(const FlowTuple& tuple) const {
    if (listeners_.empty()) return false;
    return listeners_.contains(listener(tuple.transport, tuple.destination)) ||
           listeners_.contains(listener(tuple.transport, tuple.source));
}

const CallbackTable::Callback* CallbackTable::find(const Key& key) const {
    const auto found = callbacks_.find(key);
    return found == callbacks_.end() ? nullptr : &found->second;
}

}  // namespace messenger::alg
