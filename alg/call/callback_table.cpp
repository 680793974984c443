// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/callback_table.h"

#include <algorithm>

namespace messenger::alg {

CallbackTable::Allowed CallbackTable::allow(const Key& key, const std::optional<Endpoint>& outside, TimePoint until,
                                            bool held) {
    const auto found = callbacks_.find(key);
    if (found != callbacks_.end() && found->second.of_call) {
        if (!has_room(key.inside.address, false)) return Allowed::full;
        for (Share* share : {&all_, &per_host_[key.inside.address]}) {
            --share->calls;
            ++share->registrations;
        }
        found->second.of_call = false;
    }
    // One that has registered before a restart registers anew, most likely.
    if (found != callbacks_.end() && !held) forget_restored(key, found->second, 1);
    const Allowed allowed = take(key, outside, until, held, false);
    if (allowed == Allowed::full) return allowed;
    if (!held) ++callbacks_.at(key).users;
    return allowed;
}

CallbackTable::Allowed CallbackTable::allow_in_call(const Key& key, const std::optional<Endpoint>& outside,
                                                    TimePoint until, bool held) {
    return take(key, outside, until, held, true);
}

CallbackTable::Allowed CallbackTable::take(const Key& key, const std::optional<Endpoint>& outside, TimePoint until,
                                           bool held, bool for_call) {
    const bool fresh = !callbacks_.contains(key);
    Callback* callback = open(key, for_call);
    if (callback == nullptr) return Allowed::full;
    if (!held) ++callback->holders;
    const bool alone = fresh || (held && callback->holders == 1);
    callback->until = std::max(alone ? until : std::max(callback->until, until), callback->restored_until);
    callback->outside = outside;
    look_later(key, *callback);
    return fresh ? Allowed::added : Allowed::prolonged;
}

bool CallbackTable::restore(const Key& key, const std::optional<Endpoint>& outside, TimePoint until,
                            std::uint32_t users) {
    Callback* callback = open(key, users == 0);
    if (callback == nullptr) callback = open(key, users != 0);
    if (callback == nullptr) return false;
    callback->restored_users += users;
    per_host_[key.inside.address].restored_users += users;
    callback->until = until;
    callback->restored_until = until;
    callback->outside = outside;
    look_later(key, *callback);
    return true;
}

void CallbackTable::release(const Key& key, TimePoint then) {
    const auto found = callbacks_.find(key);
    if (found == callbacks_.end() || found->second.users == 0) return;
    Callback& callback = found->second;
    --callback.users;
    if (--callback.holders > 0) return;
    callback.until = std::min(callback.until, std::max(then, callback.restored_until));
    look_later(key, callback);
}

bool CallbackTable::sign_off(const Key& key, bool held) {
    const auto found = callbacks_.find(key);
    if (found == callbacks_.end()) return false;
    Callback& callback = found->second;
    if (held && callback.users > 0) {
        --callback.users;
        --callback.holders;
    } else {
        forget_restored(key, callback, 1);
    }
    if (callback.holders > 0) return false;
    if (callback.restored_users == 0) return true;
    callback.until = std::min(callback.until, callback.restored_until);
    look_later(key, callback);
    return false;
}

void CallbackTable::forget_restored(const Key& key, Callback& callback, std::uint32_t users) {
    const std::uint32_t gone = std::min(users, callback.restored_users);
    callback.restored_users -= gone;
    const auto host = per_host_.find(key.inside.address);
    if (host != per_host_.end()) host->second.restored_users -= gone;
    if (callback.restored_users == 0) callback.restored_until = {};
}

bool CallbackTable::has_restored_users(const IpAddress& host) const {
    const auto found = per_host_.find(host);
    return found != per_host_.end() && found->second.restored_users > 0;
}

bool CallbackTable::leave(const Key& key) {
    const auto found = callbacks_.find(key);
    if (found == callbacks_.end() || found->second.holders == 0 || --found->second.holders > 0) return false;
    found->second.until = found->second.restored_until;
    return found->second.restored_until == TimePoint{};
}

bool CallbackTable::has_room(const IpAddress& host, bool of_call) const {
    const auto found = per_host_.find(host);
    const Share share = found == per_host_.end() ? Share{} : found->second;
    if (!of_call) {
        return all_.registrations < limits_.registrations && share.registrations < limits_.registrations_per_host;
    }
    return all_.calls < kPerCall * limits_.calls && share.calls < kPerCall * limits_.calls_per_host;
}

CallbackTable::Callback* CallbackTable::open(const Key& key, bool of_call) {
    const auto found = callbacks_.find(key);
    if (found != callbacks_.end()) return &found->second;
    if (!has_room(key.inside.address, of_call)) return nullptr;
    Callback& callback = callbacks_[key];
    callback.queued = TimePoint::max();
    callback.of_call = of_call;
    ++all_.of(callback);
    ++per_host_[key.inside.address].of(callback);
    ++listeners_[listener(key.transport, key.inside)];
    return &callback;
}

void CallbackTable::look_later(const Key& key, Callback& callback) {
    deadlines_.queue_earlier(key, callback.until, callback, callbacks_);
}

bool CallbackTable::forbid(const Key& key) {
    const auto callback = callbacks_.find(key);
    if (callback == callbacks_.end()) return false;
    forget_restored(key, callback->second, callback->second.restored_users);
    --all_.of(callback->second);
    const auto share = per_host_.find(key.inside.address);
    if (share != per_host_.end()) {
        --share->second.of(callback->second);
        if (share->second.registrations + share->second.calls == 0) per_host_.erase(share);
    }
    callbacks_.erase(callback);
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
