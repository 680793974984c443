// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/pinhole_table.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace messenger::alg {

namespace {

constexpr Duration kLinger = std::chrono::seconds(10);  // of a connection that has ended: its last packets, come again

}  // namespace

std::size_t PinholeTable::KeyHash::operator()(const PinholeKey& key) const {
    std::array<char, 2 * 17 + 2 + 2> text{};
    std::size_t at = 0;
    const auto put = [&](unsigned value) { text[at++] = static_cast<char>(value); };
    for (const IpAddress* address : {&key.inside.address, &key.remote}) {
        put(address->is_v4() ? 4 : 6);
        for (const std::byte byte : address->bytes()) put(std::to_integer<unsigned>(byte));
    }
    put(key.inside.port >> 8U);
    put(key.inside.port & 0xffU);
    put(static_cast<unsigned>(key.transport));
    put(key.any_remote ? 1 : 0);
    return siphash(secret, {text.data(), at});
}

void PinholeTable::queue(const PinholeKey& key, Pinhole& pinhole) {
    pinhole.queued = pinhole.deadline;
    deadlines_.push(pinhole.deadline, key);
    deadlines_.compact(pinholes_.size(), [this](TimePoint when, const PinholeKey& queued) {
        const auto found = pinholes_.find(queued);
        return found != pinholes_.end() && found->second.queued == when;
    });
}

/// A packet on a held stream makes the kernel count from silence() again, so a hold is looked after in steps that
/// are shorter.
void PinholeTable::look_again(const PinholeKey& key, Pinhole& pinhole, TimePoint now) {
    pinhole.deadline = std::min(*pinhole.hold_until, now + silence(key.transport) / 2);
    queue(key, pinhole);
}

PinholeTable::Acquired PinholeTable::acquire(const PinholeKey& key, Purpose purpose, bool on_hold, std::uint64_t call,
                                             TimePoint now) {
    const auto found = pinholes_.find(key);
    if (found != pinholes_.end()) {
        auto& calls = found->second.calls;
        assert(std::find(calls.begin(), calls.end(), call) == calls.end());
        calls.push_back(call);
        if (found->second.allowance) found->second.allowance->grant();
        return Acquired::shared;
    }
    if (pinholes_.size() >= limits_.pinholes) return Acquired::full;
    std::size_t& of_host = per_host_[key.inside.address];
    if (of_host >= limits_.pinholes_per_host) return Acquired::full;
    ++of_host;
    Pinhole& pinhole = pinholes_[key];
    pinhole.purpose = purpose;
    pinhole.calls.push_back(call);
    if (purpose.role == PortRole::file) pinhole.allowance.emplace(false).grant();
    if (on_hold) {
        pinhole.hold_until = now + limits_.hold;
        look_again(key, pinhole, now);
    } else {
        pinhole.deadline = now + timeout(pinhole.purpose, false);
        queue(key, pinhole);
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
    auto& calls = found->second.calls;
    calls.erase(std::remove(calls.begin(), calls.end(), call), calls.end());
    if (!calls.empty()) return false;
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
        look_again(key, pinhole, now);
    } else {
        pinhole.hold_until.reset();
        pinhole.deadline = now + timeout(pinhole.purpose, false);
        queue(key, pinhole);
    }
    return true;
}

/// The pinhole that a packet goes through, towards the inside host or from it; end() if there is none.
template <class Pinholes>
auto PinholeTable::find_admitting(Pinholes& pinholes, const FlowTuple& tuple) {
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
    auto& [key, pinhole] = *found;
    const Passage passage = use(key, pinhole, tuple, tcp, now);
    const bool spent = pinhole.allowance && pinhole.allowance->is_spent();
    if (passage == Passage::allowed && !pinhole.hold_until && !spent) pinhole.deadline = now + silence(tuple.transport);
    return passage;
}

PinholeTable::Passage PinholeTable::on_first_packet(const FlowTuple& tuple, const TcpFields& tcp, TimePoint now) {
    const auto found = find_admitting(pinholes_, tuple);
    if (found == pinholes_.end()) return Passage::none;
    return use(found->first, found->second, tuple, tcp, now);
}

PinholeTable::Passage PinholeTable::use(const PinholeKey& key, Pinhole& pinhole, const FlowTuple& tuple,
                                        const TcpFields& tcp, TimePoint now) {
    if (!pinhole.allowance) return Passage::allowed;
    const bool from_remote = tuple.destination == key.inside;
    const Endpoint& remote = from_remote ? tuple.source : tuple.destination;
    if (!pinhole.allowance->on_packet(remote, from_remote, tcp)) return Passage::refused;
    if ((tcp.fin || tcp.rst) && pinhole.allowance->is_spent()) {
        pinhole.deadline = now + kLinger;
        queue(key, pinhole);
    }
    return Passage::allowed;
}

void PinholeTable::keep_until(const PinholeKey& key, TimePoint until, TimePoint now) {
    const auto found = pinholes_.find(key);
    if (found == pinholes_.end()) return;
    found->second.hold_until = until;
    found->second.allowance.reset();
    look_again(key, found->second, now);
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
    queue(key, found->second);
}

bool PinholeTable::admits(const FlowTuple& tuple) const {
    return find_admitting(pinholes_, tuple) != pinholes_.end();
}

void PinholeTable::restore(const PinholeKey& key, Purpose purpose, std::uint64_t call, Duration remaining,
                           TimePoint now) {
    const auto [at, fresh] = pinholes_.try_emplace(key);
    Pinhole& pinhole = at->second;
    if (std::find(pinhole.calls.begin(), pinhole.calls.end(), call) == pinhole.calls.end()) {
        pinhole.calls.push_back(call);
    }
    if (!fresh) return;
    ++per_host_[key.inside.address];
    pinhole.purpose = purpose;
    if (purpose.role == PortRole::file) pinhole.allowance.emplace(true).grant();
    pinhole.deadline = now + remaining;
    queue(key, pinhole);
}

const PinholeTable::Pinhole* PinholeTable::find(const PinholeKey& key) const {
    const auto found = pinholes_.find(key);
    return found == pinholes_.end() ? nullptr : &found->second;
}

}  // namespace messenger::alg
