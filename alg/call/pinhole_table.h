// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

#include "alg/base/deadlines.h"
#include "alg/base/holders.h"
#include "alg/base/slot_table.h"
#include "alg/call/connection_allowance.h"
#include "alg/limits.h"
#include "alg/net/hash.h"
#include "alg/plan.h"

namespace messenger::alg {

/// What the firewall knows about the pinholes: it sees the media, we do not.
class PinholeWitness {
   public:
    PinholeWitness() = default;
    PinholeWitness(const PinholeWitness&) = delete;
    PinholeWitness& operator=(const PinholeWitness&) = delete;
    PinholeWitness(PinholeWitness&&) = delete;
    PinholeWitness& operator=(PinholeWitness&&) = delete;
    virtual ~PinholeWitness() = default;
    /// How long the pinhole will live on without another packet; absent when it has died of silence.
    [[nodiscard]] virtual std::optional<Duration> remaining(const PinholeKey& key) = 0;
    /// The same for a TLS connection, from client to server.
    [[nodiscard]] virtual std::optional<Duration> remaining_of_tls(const FlowTuple& /*tuple*/) { return std::nullopt; }
};

/// Every pinhole that is open, and the calls that need it. Two calls may need the same one (two calls to one media
/// port); the kernel then has it once.
class PinholeTable {
   public:
    struct Pinhole {
        std::optional<Endpoint> outside;  ///< NAT: what its remote knows as the inside endpoint
        Purpose purpose;
        TimePoint deadline;                              ///< when it has to be looked at
        TimePoint queued;                                ///< the earliest entry for it in the deadline queue
        std::optional<TimePoint> hold_until;             ///< on hold: it lives until then without a packet
        std::unique_ptr<ConnectionAllowance> allowance;  ///< of a file transfer
        Holders calls;                                   ///< that need it
    };

    PinholeTable(const Limits& limits, const HashKey& secret)
        : limits_(limits), hash_{secret}, pinholes_(hash_), per_host_(KeyedHash{secret}) {}

    enum class Acquired : std::uint8_t { added, shared, full };  ///< full: the table, or the inside host's share of it

    /// call needs the pinhole from now on; it must not need it already.
    [[nodiscard]] Acquired acquire(const PinholeKey& key, Purpose purpose, bool on_hold, std::uint64_t call,
                                   TimePoint now);
    void set_outside(const PinholeKey& key, const std::optional<Endpoint>& outside);
    /// call does not need it any more. True if nobody does now: the pinhole is gone.
    bool release(const PinholeKey& key, std::uint64_t call);
    /// Its stream goes on hold, or off. True if the kernel must be told (timeout()).
    [[nodiscard]] bool set_hold(const PinholeKey& key, bool on_hold, TimePoint now);
    /// The timeout of a pinhole that opens, or goes on or off hold.
    [[nodiscard]] Duration timeout(Purpose purpose, bool on_hold) const {
        if (on_hold) return limits_.hold;
        return purpose.role == PortRole::file ? limits_.transfer : limits_.first_packet;
    }
    /// How long silence may last once packets have passed: TCP may say nothing for long.
    [[nodiscard]] Duration silence(Transport transport) const {
        return transport == Transport::tcp ? limits_.stream_silence : limits_.media_silence;
    }

    /// Lives until then, with or without packets, and carries any number of connections.
    void keep_until(const PinholeKey& key, TimePoint until, TimePoint now);
    /// A file transfer has announced the port of a pinhole that is open already.
    void grant_connection(const PinholeKey& key);
    /// And has been cancelled, while another transfer at the same port holds the pinhole open.
    void revoke_connection(const PinholeKey& key, TimePoint now);

    enum class Passage : std::uint8_t {
        none,     ///< no pinhole admits it
        allowed,  ///< one does
        refused,  ///< one is there, but has had its connection
    };
    /// A packet of a capture goes through the pinhole that admits it, if one does, and keeps it alive. Either
    /// direction.
    [[nodiscard]] Passage on_packet(const FlowTuple& tuple, const TcpFields& tcp, TimePoint now);
    /// The first packet of a flow, or one that ends a TCP connection, as the kernel shows them.
    [[nodiscard]] Passage on_first_packet(const FlowTuple& tuple, const TcpFields& tcp, TimePoint now);
    /// Whether a pinhole admits a packet of this tuple, in either direction.
    [[nodiscard]] bool admits(const FlowTuple& tuple) const;
    /// Taken over from before a restart, to live that long.
    void restore(const PinholeKey& key, Purpose purpose, std::uint64_t call, Duration remaining, TimePoint now);

    /// Looks at the pinholes that are due. witness may be absent: then on_packet() is all that is known.
    /// refresh(key, pinhole, timeout): on hold, and the kernel would let it die too early.
    /// expired(key, pinhole): silent for too long, or its connection has ended; the callee releases it for every call.
    template <class Refresh, class Expired>
    void expire(TimePoint now, PinholeWitness* witness, Refresh&& refresh, Expired&& expired) {
        while (const auto due = deadlines_.pop_entry_due(now)) {
            if (!is_current(due->when, due->key)) continue;
            const Place place = pinholes_.cursor(due->key);
            const PinholeKey key = place->first;  // a copy: the callees may end the pinhole
            Pinhole& pinhole = place->second;
            if (pinhole.deadline > now) {
                queue(place);
                continue;
            }
            if (pinhole.allowance && pinhole.allowance->is_spent()) {
                expired(key, pinhole);
                continue;
            }
            const auto remaining = witness == nullptr ? std::nullopt : witness->remaining(key);
            if (pinhole.hold_until && *pinhole.hold_until > now) {
                const Duration left = *pinhole.hold_until - now;
                if (witness != nullptr && remaining.value_or(Duration{}) < left) refresh(key, pinhole, left);
                look_again(place, now);
            } else if (remaining) {
                // Perhaps 0, when the kernel is just about to remove it: not again at this very moment.
                pinhole.deadline = now + std::max<Duration>(*remaining, std::chrono::seconds(1));
                queue(place);
            } else {
                expired(key, pinhole);
            }
        }
    }

    [[nodiscard]] const Pinhole* find(const PinholeKey& key) const;
    /// With the table's secret, for other tables of such keys.
    [[nodiscard]] std::size_t hash(const PinholeKey& key) const { return hash_(key); }
    [[nodiscard]] std::size_t size() const { return pinholes_.size(); }
    [[nodiscard]] std::optional<TimePoint> next_deadline() const { return deadlines_.next(); }
    [[nodiscard]] const auto& all() const { return pinholes_; }

   private:
    struct KeyHash {
        HashKey secret;
        std::size_t operator()(const PinholeKey& key) const;
    };
    using Pinholes = SlotTable<PinholeKey, Pinhole, KeyHash>;
    using Place = Pinholes::iterator;

    template <class Table>
    [[nodiscard]] static auto find_admitting(Table& pinholes, const FlowTuple& tuple);
    /// Whether an entry of the deadline queue is the one that its pinhole waits for. Others were left behind by one
    /// that has ended, perhaps in the same place.
    [[nodiscard]] bool is_current(TimePoint when, Pinholes::Id id) const {
        return pinholes_.holds(id) && pinholes_.at(id).second.queued == when;
    }
    void queue(Place place);
    [[nodiscard]] Passage use(Place place, const FlowTuple& tuple, const TcpFields& tcp, TimePoint now);
    void look_again(Place place, TimePoint now);

    const Limits& limits_;
    KeyHash hash_;
    Pinholes pinholes_;
    SlotTable<IpAddress, std::size_t, KeyedHash> per_host_;
    Deadlines<Pinholes::Id> deadlines_;
};

}  // namespace messenger::alg
