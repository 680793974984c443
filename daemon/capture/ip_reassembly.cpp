// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/ip_reassembly.h"

#include <algorithm>
#include <cassert>
#include <iterator>

#include "alg/net/header_sizes.h"

namespace messenger::daemon {
namespace {

constexpr std::size_t kMaxPacketSize = 65535;

void put16(std::vector<std::byte>& octets, std::size_t at, std::size_t value) {
    octets[at] = static_cast<std::byte>((value >> 8U) & 0xFFU);
    octets[at + 1] = static_cast<std::byte>(value & 0xFFU);
}

/// RFC 791 section 3.1: the one's complement of the one's complement sum; the checksum field must be zero.
std::uint16_t ipv4_checksum(Octets header) {
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < header.size(); at += 2) sum += read16(header, at);  // a multiple of 4, at most 60
    sum = (sum & 0xFFFFU) + (sum >> 16U);
    sum = (sum & 0xFFFFU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum & 0xFFFFU);
}

/// A length that no sender may use: every fragment but the last ends on a multiple of 8, and none reaches beyond the
/// largest packet.
bool is_bad(const IpHeader& fragment, std::size_t size) {
    if (size == 0 || (fragment.more_fragments && size % 8 != 0)) return true;
    const std::size_t fixed = fragment.is_v6 ? fragment.header_size - alg::kIpv6HeaderSize : fragment.header_size;
    if (fixed > kMaxPacketSize || fragment.fragment_offset > kMaxPacketSize - fixed) return true;
    return size > kMaxPacketSize - fixed - fragment.fragment_offset;
}

}  // namespace

IpReassembler::Key IpReassembler::key_of(const IpHeader& fragment) {
    Key key;
    const std::size_t size = fragment.is_v6 ? 32 : 8;
    const Octets addresses = fragment.packet.subspan(fragment.is_v6 ? 8 : 12, size);
    std::copy(addresses.begin(), addresses.end(), key.addresses.begin());
    key.identification = fragment.identification;
    key.protocol = fragment.is_v6 ? std::uint8_t{0} : fragment.protocol;
    key.is_v6 = fragment.is_v6;
    return key;
}

IpReassembler::Fit IpReassembler::fit(const Datagram& datagram, const IpHeader& fragment, Octets payload) {
    const std::size_t offset = fragment.fragment_offset;
    const std::size_t end = offset + payload.size();
    if (datagram.total) {
        if (fragment.more_fragments ? end >= *datagram.total : end != *datagram.total) return Fit::contradicts;
    } else if (!fragment.more_fragments && !datagram.pieces.empty()) {
        const Piece& last = datagram.pieces.back();
        if (last.offset + last.size >= end) return Fit::contradicts;
    }
    const auto next = std::lower_bound(datagram.pieces.begin(), datagram.pieces.end(), offset,
                                       [](const Piece& piece, std::size_t at) { return piece.offset < at; });
    if (next != datagram.pieces.end()) {
        if (next->offset == offset && next->size == payload.size()) {
            const Octets held = Octets(datagram.octets).subspan(next->at, next->size);
            return std::equal(held.begin(), held.end(), payload.begin()) ? Fit::repeats : Fit::overlaps;
        }
        if (end > next->offset) return Fit::overlaps;
    }
    if (next != datagram.pieces.begin()) {
        const Piece& previous = *std::prev(next);
        if (previous.offset + previous.size > offset) return Fit::overlaps;
    }
    return Fit::adds;
}

IpReassembler::Result IpReassembler::push(alg::TimePoint now, const IpHeader& fragment) {
    assert(fragment.is_fragment);
    expire(now);
    const Octets payload = fragment.packet.subspan(fragment.payload_at);
    const auto datagram = find_or_create(now, fragment);
    if (datagram->dropped) return {LeftOut::surplus_fragment, {}};
    const Fit how = is_bad(fragment, payload.size()) ? Fit::contradicts : fit(*datagram, fragment, payload);
    if (how == Fit::repeats) return {};
    if (how == Fit::contradicts) {
        ++counts_.bad;
        drop(*datagram);
        return {LeftOut::bad_fragment, {}};
    }
    if (how == Fit::overlaps) {
        ++counts_.overlapping;
        drop(*datagram);
        return {LeftOut::overlapping_fragment, {}};
    }
    const std::size_t size = payload.size() + (fragment.fragment_offset == 0 ? fragment.header_size : 0);
    if (datagram->pieces.size() >= limits_.fragments_per_datagram || !make_room(datagram, size)) {
        ++counts_.evicted;
        drop(*datagram);
        return {LeftOut::surplus_fragment, {}};
    }
    store(*datagram, fragment, payload);
    if (datagram->received != datagram->total) return {};
    // Without a gap or an overlap, as many octets as the last fragment ends at are all of them, the first one's too.
    const std::size_t fixed = fragment.is_v6 ? datagram->header_size - alg::kIpv6HeaderSize : datagram->header_size;
    if (fixed > kMaxPacketSize - datagram->received) {  // the first fragment's header may be longer than this one's
        ++counts_.bad;
        drop(*datagram);
        return {LeftOut::bad_fragment, {}};
    }
    join(*datagram);
    ++counts_.complete;
    erase(datagram);
    return {std::nullopt, whole_};
}

void IpReassembler::give_up_all() {
    while (!datagrams_.empty()) give_up(datagrams_.begin(), counts_.incomplete);
}

IpReassembler::Datagrams::iterator IpReassembler::find_or_create(alg::TimePoint now, const IpHeader& fragment) {
    const Key key = key_of(fragment);
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
        // expire() stops at the first datagram that is young enough, and time stamps need not be in order.
        if (now - found->second->created <= limits_.lifetime) return found->second;
        give_up(found->second, counts_.incomplete);
    }
    while (!datagrams_.empty() && datagrams_.size() >= limits_.datagrams) give_up(datagrams_.begin(), counts_.evicted);
    Datagram& created = datagrams_.emplace_back();
    created.key = key;
    created.created = now;
    const auto at = std::prev(datagrams_.end());
    by_key_.emplace(key, at);
    return at;
}

bool IpReassembler::make_room(Datagrams::iterator keep, std::size_t octets) {
    if (octets > limits_.octets) return false;
    auto oldest = datagrams_.begin();
    while (held_octets_ > limits_.octets - octets && oldest != datagrams_.end()) {
        const auto candidate = oldest++;
        if (candidate != keep && !candidate->octets.empty()) give_up(candidate, counts_.evicted);
    }
    return held_octets_ <= limits_.octets - octets;
}

void IpReassembler::store(Datagram& datagram, const IpHeader& fragment, Octets payload) {
    if (fragment.fragment_offset == 0) {
        const Octets header = fragment.packet.first(fragment.header_size);
        datagram.header_at = datagram.octets.size();
        datagram.header_size = header.size();
        datagram.next_header_at = fragment.next_header_at;
        datagram.protocol = fragment.protocol;
        datagram.octets.insert(datagram.octets.end(), header.begin(), header.end());
        held_octets_ += header.size();
    }
    const Piece piece{fragment.fragment_offset, payload.size(), datagram.octets.size()};
    datagram.octets.insert(datagram.octets.end(), payload.begin(), payload.end());
    held_octets_ += payload.size();
    datagram.received += payload.size();
    datagram.pieces.insert(std::upper_bound(datagram.pieces.begin(), datagram.pieces.end(), piece.offset,
                                            [](std::size_t at, const Piece& other) { return at < other.offset; }),
                           piece);
    if (!fragment.more_fragments) datagram.total = piece.offset + piece.size;
}

void IpReassembler::join(const Datagram& datagram) {
    const Octets octets(datagram.octets);
    const auto append = [&](std::size_t at, std::size_t size) {
        const Octets part = octets.subspan(at, size);
        whole_.insert(whole_.end(), part.begin(), part.end());
    };
    whole_.clear();
    append(datagram.header_at, datagram.header_size);
    for (const Piece& piece : datagram.pieces) append(piece.at, piece.size);
    if (datagram.key.is_v6) {
        put16(whole_, 4, whole_.size() - alg::kIpv6HeaderSize);
        whole_[datagram.next_header_at] = static_cast<std::byte>(datagram.protocol);
        return;
    }
    put16(whole_, 2, whole_.size());
    put16(whole_, 6, 0);
    put16(whole_, 10, 0);
    put16(whole_, 10, ipv4_checksum(Octets(whole_).first(datagram.header_size)));
}

void IpReassembler::drop(Datagram& datagram) {
    held_octets_ -= datagram.octets.size();
    datagram.octets = {};
    datagram.pieces = {};
    datagram.dropped = true;
}

void IpReassembler::give_up(Datagrams::iterator datagram, std::uint64_t& count) {
    if (!datagram->dropped) ++count;  // a dropped one has been counted under its own cause
    erase(datagram);
}

void IpReassembler::erase(Datagrams::iterator datagram) {
    held_octets_ -= datagram->octets.size();
    by_key_.erase(datagram->key);
    datagrams_.erase(datagram);
}

void IpReassembler::expire(alg::TimePoint now) {
    while (!datagrams_.empty() && now - datagrams_.front().created > limits_.lifetime) {
        give_up(datagrams_.begin(), counts_.incomplete);
    }
}

}  // namespace messenger::daemon
