// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/pinhole_table.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace messenger::alg {

namespace {

constexpr Duration kLinger = std::chrono::seconds(10);  // of a connection that has ended: its last packets, come again

}  // namespace

std::size_t PinholeTable::KeyHash::operator()(const PinholeKey& key) const {
    // The remote end has no port, so there is room for what else tells keys apart.
    const Endpoint remote{key.remote, static_cast<std::uint16_t>(key.any_remote ? 1 : 0)};
    return table_hash(secret, FlowTuple{key.inside, remote, key.transport});
}

void PinholeTable::queue(Place place) {
    Pinhole& pinhole = place->second;
    pinhole.queued = pinhole.deadline;
    deadlines_.push(pinhole.deadline, place.id());
    deadlines_.compact(pinholes_.size(), [this](TimePoint when, Pinholes::Id id) { return is_current(when, id); });
}

/// A packet on a held stream makes the kernel count from silence() again, so a hold is looked after in steps that
/// are shorter.
void PinholeTable::look_again(Place place, TimePoint now) {
    auto& [key, pinhole] = *place;
    pinhole.deadline = std::min(*pinhole.hold_until, now + silence(key.transport) / 2);
    queue(place);
}

PinholeTable::Acquired PinholeTable::acquire(const PinholeKey& key, Purpose purpose, bool on_hold, std::uint64_t call,
                                             TimePoint now) {
    const auto found = pinholes_.find(key);
    if (found != pinholes_.end()) {
        assert(!found->second.calls.has(call));
        found->second.calls.add(call);
        if (found->second.allowance) found->second.allowance->grant();
        return Acquired::shared;
    }
    if (pinholes_.size() >= limits_.pinholes) return Acquired::full;
    std::size_t& of_host = per_host_[key.inside.address];
    if (of_host >= limits_.pinholes_per_host) return Acquired::full;
    ++of_host;
    const Place place = pinholes_.try_emplace(key).first;
    Pinhole& pinhole = place->second;
    pinhole.purpose = purpose;
    pinhole.calls.add(call);
    if (purpose.role == PortRole::file) {
        pinhole.allowance = std::make_unique<ConnectionAllowance>(false);
        pinhole.allowance->grant();
    }
    if (on_hold) {
        pinhole.hold_until = now + limits_.hold;
        look_again(place, now);
    } else {
        pinhole.deadline = now + timeout(pinhole.purpose, false);
        queue(place);
    }
    return Acquired::added;
}

void PinholeTable::set_outside(const PinholeKey& key, const std::optional<Endpoint>& outside) {
    const auto found = pinholes_.find(key);
    if (found != pinholes_.end()) found->second.outside = outside;
}

bool PinholeTable::release(const PinholeKey& key, std::uint64_t call) {
    const auto found = pinholes_.find(key);
    if (found == pinholes_.end()) return false;
    found->second.calls.remove(call);
    if (!found->second.calls.empty()) return false;
    pinholes_.erase(found);
    const auto host = per_host_.find(key.inside.address);
    if (host != per_host_.end() && --host->second == 0) per_host_.erase(host);
    return true;
}

bool PinholeTable::set_hold(const PinholeKey& key, bool on_hold, TimePoint now) {
    const auto found = pinholes_.find(key);
    if (found == pinholes_.end() || found->second.hold_until.has_value() == on_hold) return false;
    Pinhole& pinhole = found->second;
    if (on_hold) {
        pinhole.hold_until = now + limits_.hold;
        look_again(found, now);
    } else {
        pinhole.hold_until.reset();
        pinhole.deadline = now + timeout(pinhole.purpose, false);
        queue(found);
    }
    return true;
}

/// The pinhole that a packet goes through, towards the inside host or from it; end() if there is none.
template <class Table>
auto PinholeTable::find_admitting(Table& pinholes, const FlowTuple& tuple) {
    for (const bool any : {false, true}) {
        for (const auto& [inside, remote] :
             {std::pair{tuple.destination, tuple.source.address}, std::pair{tuple.source, tuple.destination.address}}) {
            const auto found = pinholes.find({tuple.transport, any, inside, any ? IpAddress{} : remote});
            if (found != pinholes.end()) return found;
        }
    }
    return pinholes.end();
}

PinholeTable::Passage PinholeTable::on_packet(const FlowTuple& tuple, const TcpFields& tcp, TimePoint now) {
    if (pinholes_.empty()) return Passage::none;
    const auto found = find_admitting(pinholes_, tuple);
    if (found == pinholes_.end()) return Passage::none;
    Pinhole& pinhole = found->second;
    const Passage passage = use(found, tuple, tcp, now);
    const bool spent = pinhole.allowance && pinhole.allowance->is_spent();
    if (passage == Passage::allowed && !pinhole.hold_until && !spent) pinhole.deadline = now + silence(tuple.transport);
    return passage;
}

PinholeTable::Passage PinholeTable::on_first_packet(const FlowTuple& tuple, const TcpFields& tcp, TimePoint now) {
    const auto found = find_admitting(pinholes_, tuple);
    if (found == pinholes_.end()) return Passage::none;
    return use(found, tuple, tcp, now);
}

PinholeTable::Passage PinholeTable::use(Place place, const FlowTuple& tuple, const TcpFields& tcp, TimePoint now) {
    auto& [key, pinhole] = *place;
    if (!pinhole.allowance) return Passage::allowed;
    const bool from_remote = tuple.destination == key.inside;
    const Endpoint& remote = from_remote ? tuple.source : tuple.destination;
    if (!pinhole.allowance->on_packet(remote, from_remote, tcp)) return Passage::refused;
    if ((tcp.fin || tcp.rst) && pinhole.allowance->is_spent()) {
        pinhole.deadline = now + kLinger;
        queue(place);
    }
    return Passage::allowed;
}

void PinholeTable::keep_until(const PinholeKey& key, TimePoint until, TimePoint now) {
    const auto found = pinholes_.find(key);
    if (found == pinholes_.end()) return;
    found->second.hold_until = until;
    found->second.allowance.reset();
    look_again(found, now);
}

void PinholeTable::grant_connection(const PinholeKey& key) {
    const auto found = pinholes_.find(key);
    if (found != pinholes_.end() && found->second.allowance) found->second.allowance->grant();
}

void PinholeTable::revoke_connection(const PinholeKey& key, TimePoint now) {
    const auto found = pinholes_.find(key);
    if (found == pinholes_.end() || !found->second.allowance) return;
    found->second.allowance->revoke();
    if (!found->second.allowance->is_spent()) return;
    found->second.deadline = now + kLinger;
    queue(found);
}

bool PinholeTable::admits(const FlowTuple& tuple) const {
    return find_admitting(pinholes_, tuple) != pinholes_.end();
}

void PinholeTable::restore(const PinholeKey& key, Purpose purpose, std::uint64_t call, Duration remaining,
                           TimePoint now) {
    const auto [at, fresh] = pinholes_.try_emplace(key);
    Pinhole& pinhole = at->second;
    pinhole.calls.add(call);
    if (!fresh) return;
    ++per_host_[key.inside.address];
    pinhole.purpose = purpose;
    if (purpose.role == PortRole::file) {
        pinhole.allowance = std::make_unique<ConnectionAllowance>(true);
        pinhole.allowance->grant();
    }
    pinhole.deadline = now + remaining;
    queue(at);
}

const PinholeTable::Pinhole* PinholeTable::find(const PinholeKey& key) const {
    const auto found = pinholes_.find(key);
    return found == pinholes_.end() ? nullptr : &found->second;
}

}  // namespace messenger::alg
