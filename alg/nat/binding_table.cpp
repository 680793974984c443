// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/binding_table.h"

#include <cassert>

#include <boost/container/small_vector.hpp>

#include "alg/net/t120_port.h"

namespace messenger::alg {

std::size_t BindingTable::KeyHash::operator()(const BindingKey& key) const {
    return static_cast<std::size_t>(table_hash(secret, FlowTuple{key.inside, {key.outside, 0}, key.transport}));
}

PortPool& BindingTable::pool(Transport transport, const IpAddress& outside) {
    const auto [at, fresh] = pools_.try_emplace(way(transport, {outside, 0}, {}), policy_);
    // T.120's port is shared out by remote: nobody gets it for himself.
    if (fresh && transport == Transport::tcp) (void)at->second.take_exactly(kT120Port);
    return at->second;
}

bool BindingTable::has_room(const IpAddress& host, std::size_t count) const {
    if (count > limits_.bindings - std::min(limits_.bindings, bindings_.size())) return false;
    const auto used = per_host_.find(host);
    const std::size_t of_host = used == per_host_.end() ? 0 : used->second;
    return count <= limits_.bindings_per_host - std::min(limits_.bindings_per_host, of_host);
}

/// Frees the port of the binding that has lingered longest, but none of those that are asked for.
bool BindingTable::evict_one(const BindingKey& first, std::size_t count) {
    const auto asked_for = [&](const BindingKey& key) {
        return key.transport == first.transport && key.outside == first.outside &&
               key.inside.address == first.inside.address && key.inside.port >= first.inside.port &&
               key.inside.port < first.inside.port + count;
    };
    for (auto at = lingering_.begin(); at != lingering_.end();) {
        const BindingKey key = *at;
        const auto found = bindings_.find(key);
        const bool lingers = found != bindings_.end() && !is_held(found->second);
        if (lingers && asked_for(key)) {
            ++at;
            continue;
        }
        at = lingering_.erase(at);
        if (!lingers) continue;
        erase(key);
        return true;
    }
    return false;
}

std::optional<std::uint16_t> BindingTable::take(const BindingKey& first, std::size_t count, PortRange range,
                                                std::uint16_t wanted_port, const BindingKey& asked,
                                                std::size_t asked_count) {
    PortPool& ports = pool(first.transport, first.outside);
    if (wanted_port != 0 && count == 1 && ports.take_exactly(wanted_port)) return wanted_port;
    // Parity means something to RTP alone; of the ten ports for file transfers each is as good as the other.
    const bool parity = first.transport == Transport::udp;
    while (true) {
        const auto taken = ports.take(first.inside.port, count, range, policy_.keep_numbers, parity);
        if (taken || !evict_one(asked, asked_count)) return taken;
    }
}

bool BindingTable::make(const BindingKey& first, std::size_t count, PortRange range, std::uint16_t wanted_port) {
    std::size_t missing = 0;
    for (std::size_t i = 0; i < count; ++i) missing += bindings_.contains(nth(first, i)) ? 0U : 1U;
    if (missing == 0) return true;
    while (!has_room(first.inside.address, missing)) {
        if (!evict_one(first, count)) return false;
    }
    // The neighbours of one that is there take what they get.
    boost::container::small_vector<BindingKey, 8> made;
    if (missing == count) {
        if (const auto block = take(first, count, range, wanted_port, first, count)) {
            for (std::size_t i = 0; i < count; ++i) {
                insert(nth(first, i), static_cast<std::uint16_t>(*block + i));
                made.push_back(nth(first, i));
            }
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        const BindingKey key = nth(first, i);
        if (bindings_.contains(key)) continue;
        const auto port = missing == count ? std::nullopt : take(key, 1, range, 0, first, count);
        if (!port) {
            for (const BindingKey& undone : made) erase(undone);
            return false;
        }
        insert(key, *port);
        made.push_back(key);
    }
    return true;
}

void BindingTable::insert(const BindingKey& key, std::uint16_t port) {
    ways_[way(key.transport, {key.outside, port}, {})] = key.inside;
    ++per_host_[key.inside.address];
    bindings_[key].port = port;
}

void BindingTable::erase(const BindingKey& key) {
    const auto found = bindings_.find(key);
    assert(found != bindings_.end());
    const std::uint16_t port = found->second.port;
    ways_.erase(way(key.transport, {key.outside, port}, {}));
    pool(key.transport, key.outside).give_back(port);
    const auto host = per_host_.find(key.inside.address);
    if (host != per_host_.end() && --host->second == 0) per_host_.erase(host);
    bindings_.erase(found);
}

void BindingTable::linger(const BindingKey& key, Binding& binding, TimePoint now) {
    binding.lingers_until = now + kLinger;
    binding.told_until = TimePoint{};
    lingering_.push_back(key);
    // What came to life again and was released anew stands there twice.
    if (lingering_.size() > 2 * bindings_.size() + 64) {
        std::erase_if(lingering_, [this](const BindingKey& one) {
            const auto found = bindings_.find(one);
            return found == bindings_.end() || is_held(found->second);
        });
    }
    look_later(key, binding);
}

void BindingTable::look_later(const BindingKey& key, Binding& binding) {
    const auto when = binding.lingers_until ? binding.lingers_until : binding.listens_until;
    if (when) deadlines_.queue_earlier(key, *when, binding, bindings_);
}

BindingTable::Exactly BindingTable::acquire_exactly(const BindingKey& key, std::uint64_t call) {
    auto found = bindings_.find(key);
    if (found == bindings_.end()) {
        if (!has_room(key.inside.address, 1)) return Exactly::no_room;
        if (policy_.is_reserved(key.inside.port)) return Exactly::reserved;
        if (!pool(key.transport, key.outside).take_exactly(key.inside.port)) return Exactly::taken;
        insert(key, key.inside.port);
        found = bindings_.find(key);
    }
    Binding& binding = found->second;
    if (binding.port != key.inside.port) return Exactly::taken;
    const bool held = is_held(binding);
    binding.lingers_until.reset();
    binding.calls.add(call);
    return held ? Exactly::held : Exactly::added;
}

bool BindingTable::release(const BindingKey& key, std::uint64_t call, TimePoint now) {
    const auto found = bindings_.find(key);
    if (found == bindings_.end() || !is_held(found->second)) return false;
    found->second.calls.remove(call);
    if (is_held(found->second)) return false;
    linger(key, found->second, now);
    return true;
}

BindingTable::Listening BindingTable::listen(const BindingKey& key, std::uint16_t wanted_port, TimePoint until,
                                             TimePoint now) {
    if (!make(key, 1, policy_.nat_ports, wanted_port)) return Listening::no_port;
    Binding& binding = bindings_.at(key);
    const bool held = is_held(binding);
    binding.lingers_until.reset();
    binding.listens_until = std::max(binding.listens_until.value_or(now), until);
    look_later(key, binding);
    return held ? Listening::held : Listening::added;
}

std::optional<Duration> BindingTable::take_news(const BindingKey& key, Duration at_least, TimePoint now) {
    const auto found = bindings_.find(key);
    if (found == bindings_.end() || !found->second.listens_until) return std::nullopt;
    Binding& binding = found->second;
    const Duration wanted = std::max<Duration>(*binding.listens_until - now, at_least);
    if (binding.told_until - now >= wanted / 2) return std::nullopt;
    binding.told_until = now + wanted;
    return wanted;
}

bool BindingTable::stop_listening(const BindingKey& key, TimePoint now) {
    const auto found = bindings_.find(key);
    if (found == bindings_.end() || !found->second.listens_until) return false;
    found->second.listens_until.reset();
    if (is_held(found->second)) return false;
    linger(key, found->second, now);
    return true;
}

bool BindingTable::restore(const BindingKey& key, std::uint16_t port, std::optional<std::uint64_t> call,
                           std::optional<TimePoint> listens_until) {
    auto found = bindings_.find(key);
    if (found != bindings_.end() && found->second.port != port) return false;
    if (found == bindings_.end()) {
        if (!has_room(key.inside.address, 1) || !pool(key.transport, key.outside).take_exactly(port)) return false;
        insert(key, port);
        found = bindings_.find(key);
    }
    Binding& binding = found->second;
    if (call) binding.calls.add(*call);
    if (listens_until) binding.listens_until = listens_until;
    look_later(key, binding);
    return true;
}

std::optional<std::uint16_t> BindingTable::outside_port(const BindingKey& key) const {
    const Binding* binding = find(key);
    return binding == nullptr ? std::nullopt : std::optional(binding->port);
}

const BindingTable::Binding* BindingTable::find(const BindingKey& key) const {
    const auto found = bindings_.find(key);
    return found == bindings_.end() ? nullptr : &found->second;
}

std::optional<Endpoint> BindingTable::inside_of(Transport transport, const Endpoint& outside) const {
    const auto found = ways_.find(way(transport, outside, {}));
    return found == ways_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Endpoint> BindingTable::inside_for(Transport transport, const Endpoint& outside,
                                                 const IpAddress& remote) const {
    for (const IpAddress& from : {remote, IpAddress{}}) {
        const auto claimed = claims_.find(way(transport, outside, from));
        if (claimed != claims_.end()) return claimed->second;
    }
    const auto inside = inside_of(transport, outside);
    if (!inside) return std::nullopt;
    const Binding* binding = find({transport, *inside, outside.address});
    return binding != nullptr && is_held(*binding) ? inside : std::nullopt;
}

bool BindingTable::claim(Transport transport, const Endpoint& outside, const IpAddress& remote,
                         const Endpoint& inside) {
    if (claimed_by_other(transport, outside, remote, inside)) return false;
    if (policy_.is_reserved(outside.port) && !claims_.contains(way(transport, outside, remote))) return false;
    if (!claims_.try_emplace(way(transport, outside, remote), inside).second) return true;
    auto at = claimants_.find(way(transport, outside, {}));
    if (at == claimants_.end()) {
        at = claimants_.emplace(way(transport, outside, {}), Claimants(0, KeyedHash{secret_})).first;
    }
    ++at->second[inside];
    return true;
}

std::optional<IpAddress> BindingTable::claimed_by_other(Transport transport, const Endpoint& outside,
                                                        const IpAddress& remote, const Endpoint& inside) const {
    if (remote.is_unspecified()) {
        // Anybody includes everybody for whom it has been claimed already.
        const auto found = claimants_.find(way(transport, outside, {}));
        if (found == claimants_.end()) return std::nullopt;
        for (const auto& [owner, count] : found->second) {  // two at most
            if (owner != inside) return owner.address;
        }
        return std::nullopt;
    }
    for (const IpAddress& from : {remote, IpAddress{}}) {
        const auto claimed = claims_.find(way(transport, outside, from));
        if (claimed != claims_.end() && claimed->second != inside) return claimed->second.address;
    }
    return std::nullopt;
}

bool BindingTable::is_closed_to(Transport transport, const Endpoint& outside, const Endpoint& inside) const {
    if (!policy_.is_reserved(outside.port)) return false;
    const auto claimants = claimants_.find(way(transport, outside, {}));
    return claimants == claimants_.end() || !claimants->second.contains(inside);
}

void BindingTable::unclaim(Transport transport, const Endpoint& outside, const IpAddress& remote) {
    const auto claimed = claims_.find(way(transport, outside, remote));
    if (claimed == claims_.end()) return;
    const auto at = claimants_.find(way(transport, outside, {}));
    assert(at != claimants_.end());
    const auto owner = at->second.find(claimed->second);
    if (--owner->second == 0) at->second.erase(owner);
    if (at->second.empty()) claimants_.erase(at);
    claims_.erase(claimed);
}

std::size_t BindingTable::held() const {
    return static_cast<std::size_t>(
        std::count_if(bindings_.begin(), bindings_.end(), [](const auto& entry) { return is_held(entry.second); }));
}

std::size_t BindingTable::ports_taken(Transport transport, const IpAddress& outside) const {
    const auto found = pools_.find(way(transport, {outside, 0}, {}));
    if (found == pools_.end()) return 0;
    const bool shared = transport == Transport::tcp && found->second.is_taken(kT120Port);
    return found->second.taken() - (shared ? 1 : 0);
}

}  // namespace messenger::alg
