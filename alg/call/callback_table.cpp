// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/callback_table.h"

#include <algorithm>

namespace messenger::alg {

CallbackTable::Allowed CallbackTable::allow(const Key& key, const std::optional<Endpoint>& outside, TimePoint until,
                                            bool held) {
    const bool fresh = !callbacks_.contains(key);
    Callback* callback = open(key);
    if (callback == nullptr) return Allowed::full;
    if (!held || fresh) ++callback->holders;
    const bool alone = fresh || (held && callback->holders == 1);
    callback->until = alone ? until : std::max(callback->until, until);
    callback->outside = outside;
    look_later(key, *callback);
    return fresh ? Allowed::added : Allowed::prolonged;
}

bool CallbackTable::restore(const Key& key, const std::optional<Endpoint>& outside, TimePoint until) {
    Callback* callback = open(key);
    if (callback == nullptr) return false;
    callback->until = until;
    callback->outside = outside;
    look_later(key, *callback);
    return true;
}

void CallbackTable::release(const Key& key, TimePoint then) {
    const auto found = callbacks_.find(key);
    if (found == callbacks_.end() || found->second.holders == 0 || --found->second.holders > 0) return;
    found->second.until = std::min(found->second.until, then);
    look_later(key, found->second);
}

CallbackTable::Callback* CallbackTable::open(const Key& key) {
    const auto found = callbacks_.find(key);
    if (found != callbacks_.end()) return &found->second;
    const IpAddress& host = key.inside.address;
    const auto share = per_host_.find(host);
    const std::size_t of_host = share == per_host_.end() ? 0 : share->second;
    if (callbacks_.size() >= limits_.registrations || of_host >= limits_.registrations_per_host) return nullptr;
    ++per_host_[host];
    Callback& callback = callbacks_[key];
    callback.queued = TimePoint::max();
    ++listeners_[listener(key.transport, key.inside)];
    return &callback;
}

void CallbackTable::look_later(const Key& key, Callback& callback) {
    if (callback.until >= callback.queued) return;  // looked at before that anyway
    callback.queued = callback.until;
    deadlines_.push(callback.until, key);
    deadlines_.compact(callbacks_.size(), [this](TimePoint when, const Key& queued) {
        const auto known = callbacks_.find(queued);
        return known != callbacks_.end() && known->second.queued == when;
    });
}

bool CallbackTable::forbid(const Key& key) {
    if (callbacks_.erase(key) == 0) return false;
    const auto found = listeners_.find(listener(key.transport, key.inside));
    if (found != listeners_.end() && --found->second == 0) listeners_.erase(found);
    const auto share = per_host_.find(key.inside.address);
    if (share != per_host_.end() && --share->second == 0) per_host_.erase(share);
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
