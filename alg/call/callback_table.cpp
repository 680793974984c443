// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/callback_table.h"

#include <algorithm>

namespace messenger::alg {

CallbackTable::Allowed CallbackTable::allow(const Key& key, const std::optional<Endpoint>& outside, TimePoint until,
                                            bool held, std::uint64_t user) {
    const auto found = callbacks_.find(key);
    if (found != callbacks_.end() && found->second.of_call) {
        if (!has_room(key.inside.address, false)) return Allowed::full;
        for (Share* share : {&all_, &per_host_[key.inside.address]}) {
            --share->calls;
            ++share->registrations;
        }
        found->second.of_call = false;
    }
    if (!held) hear_of(key, user);
    const Allowed allowed = take(key, outside, until, held, false);
    if (allowed == Allowed::full) return allowed;
    Callback& callback = callbacks_.at(key);
    if (!held) ++callback.users;
    callback.marks |= mark_of(user);
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
                            const CallbackHolders& holders) {
    Callback* callback = open(key, holders.users == 0);
    if (callback == nullptr) callback = open(key, holders.users != 0);
    if (callback == nullptr) return false;
    if (holders.users > 0 && callback->restored.users == 0) restored_[key.inside.address].push_back(key);
    callback->restored = callback->told = holders;
    if (holders.users == 0) callback->restored.marks = 0;
    callback->until = until;
    if (holders.users > 0 || holders.calls) callback->restored_until = until;
    callback->outside = outside;
    look_later(key, *callback);
    return true;
}

void CallbackTable::release(const Key& key, TimePoint then) {
    const auto found = callbacks_.find(key);
    if (found == callbacks_.end() || found->second.users == 0) return;
    Callback& callback = found->second;
    if (--callback.users == 0) callback.marks = 0;
    if (--callback.holders > 0) return;
    callback.until = std::min(callback.until, std::max(then, callback.restored_until));
    look_later(key, callback);
}

bool CallbackTable::sign_off(const Key& key, bool held, std::uint64_t user) {
    const auto found = callbacks_.find(key);
    if (found == callbacks_.end()) return false;
    Callback& callback = found->second;
    if (held && callback.users > 0) {
        if (--callback.users == 0) callback.marks = 0;
        --callback.holders;
    } else {
        hear_of(key, user);
    }
    if (callback.holders > 0) return false;
    if (callback.restored_until == TimePoint{}) return true;
    callback.until = std::min(callback.until, callback.restored_until);
    look_later(key, callback);
    return false;
}

bool CallbackTable::hear_of(const Key& key, std::uint64_t user) {
    const auto found = callbacks_.find(key);
    if (found == callbacks_.end()) return false;
    Callback& callback = found->second;
    const std::uint64_t mark = mark_of(user);
    if ((callback.restored.marks & mark) == 0) return false;
    callback.restored.marks &= ~mark;
    if (--callback.restored.users > 0) return true;
    forget_restored_users(key, callback);
    if (!callback.restored.calls) callback.restored_until = {};
    return true;
}

void CallbackTable::forget_restored(const Key& key, Callback& callback) {
    if (callback.restored.users > 0) forget_restored_users(key, callback);
    callback.restored.calls = false;
    callback.restored_until = {};
}

void CallbackTable::forget_restored_users(const Key& key, Callback& callback) {
    callback.restored.users = 0;
    callback.restored.marks = 0;
    const auto host = restored_.find(key.inside.address);
    if (host == restored_.end()) return;
    auto& keys = host->second;
    keys.erase(std::remove(keys.begin(), keys.end(), key), keys.end());
    if (keys.empty()) restored_.erase(host);
}

CallbackTable::RestoredList CallbackTable::restored_of(const IpAddress& host, std::uint64_t user) const {
    RestoredList his;
    const auto found = restored_.find(host);
    if (found == restored_.end()) return his;
    for (const Key& key : found->second) {
        const Callback& callback = callbacks_.at(key);
        if ((callback.restored.marks & mark_of(user)) != 0) his.push_back({key, callback.restored_until});
    }
    return his;
}

CallbackHolders CallbackTable::tell(const Key& key) {
    const auto found = callbacks_.find(key);
    if (found == callbacks_.end()) return {};
    return found->second.told = found->second.held_by();
}

bool CallbackTable::leave(const Key& key) {
    const auto found = callbacks_.find(key);
    if (found == callbacks_.end() || found->second.holders == 0 || --found->second.holders > 0) return false;
    if (found->second.restored_until == TimePoint{}) return true;
    found->second.until = found->second.restored_until;
    look_later(key, found->second);
    return false;
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
    forget_restored(key, callback->second);
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
