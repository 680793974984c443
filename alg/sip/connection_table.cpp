// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/connection_table.h"

#include <algorithm>

#include "alg/sip/framing.h"

namespace messenger::alg {

namespace {

constexpr Duration kLinger = std::chrono::seconds(60);    // after a FIN or RST: retransmissions
constexpr Duration kUndecided = std::chrono::minutes(5);  // connected, but not a byte has been said

[[nodiscard]] FlowTuple key_of(const FlowTuple& tuple) {
    return tuple.source < tuple.destination ? tuple : tuple.reversed();
}

}  // namespace

ConnectionTable::Connection* ConnectionTable::find_or_add(const PacketView& packet, TimePoint now, Outcome& outcome) {
    const Key key = key_of(packet.tuple);
    const auto found = connections_.find(key);
    if (found != connections_.end()) return &found->second;
    // A pure ACK or the end of a connection that we know nothing of says nothing.
    if (!packet.tcp.syn && packet.payload.empty()) return nullptr;
    if (connections_.size() >= limits_.flows && !make_room()) {
        outcome.table_full = true;
        return nullptr;
    }
    Connection& connection = connections_[key];
    connection.idle_deadline = now + limits_.flow_idle;
    connection.queued = now + kUndecided;
    deadlines_.push(connection.queued, key);
    deadlines_.compact(connections_.size(), [this](TimePoint when, const Key& queued) {
        const auto known = connections_.find(queued);
        return known != connections_.end() && known->second.queued == when;
    });
    return &connection;
}

ConnectionTable::Side& ConnectionTable::side_of(Connection& connection, const FlowTuple& tuple) {
    return connection.sides[tuple.source < tuple.destination ? 0 : 1];
}

/// The table is full: a connection that has shown no SIP goes first, the one that is due earliest.
bool ConnectionTable::make_room() {
    while (const auto key = deadlines_.pop()) {
        const auto found = connections_.find(*key);
        if (found == connections_.end()) continue;
        if (found->second.state == State::sip) {
            deadlines_.push(found->second.queued, *key);
            return false;
        }
        forget_streams(found->second);
        connections_.erase(found);
        return true;
    }
    return false;
}

void ConnectionTable::account(Side& side) {
    const std::size_t held = side.messages.buffered() + (side.reassembler ? side.reassembler->buffered() : 0);
    buffered_ = buffered_ - side.accounted + held;
    side.accounted = held;
}

void ConnectionTable::begin(Connection& connection, const PacketView& packet, std::uint32_t first_sequence) {
    Side& side = side_of(connection, packet.tuple);
    if (side.begun == first_sequence) return;  // a repeated SYN, however much has been said since
    if (side.begun || side.reassembler || connection.state == State::opaque) {
        // The ports are used again: a new connection, which has to begin with SIP like every other. Both directions
        // begin anew, so that a SYN that only one end made up gains nothing.
        forget_streams(connection);
        for (Side& one : connection.sides) one.begun.reset();
        connection.state = State::undecided;
        connection.closing = false;
    }
    connection.begin_seen = true;
    side.begun = first_sequence;
    side.reassembler.emplace(first_sequence);
}

bool ConnectionTable::take_up(Side& side, const PacketView& packet, bool allowed) {
    if (!allowed || !begins_with_start_line(packet.payload)) return false;
    side.reassembler.emplace(packet.tcp.sequence);
    return true;
}

void ConnectionTable::give_up(Connection& connection, OpaqueReason reason, Outcome& outcome) {
    if (connection.state == State::opaque) return;
    forget_streams(connection);
    connection.state = State::opaque;
    outcome.mark = FlowMark::opaque;
    outcome.opaque = reason;
}

void ConnectionTable::on_end(Connection& connection, const PacketView& packet, TimePoint now) {
    if (!packet.tcp.rst && !connection.closing) {
        connection.closing = true;  // the other direction may go on
        return;
    }
    connection.idle_deadline = now + kLinger;
    const Key key = key_of(packet.tuple);
    if (connection.idle_deadline < connection.queued) {
        connection.queued = connection.idle_deadline;
        deadlines_.push(connection.queued, key);
    }
}

void ConnectionTable::forget_streams(Connection& connection) {
    for (Side& side : connection.sides) {
        buffered_ -= side.accounted;
        side.accounted = 0;
        const auto begun = side.begun;
        forgotten_.push_back(std::move(side));
        side = Side{};
        side.begun = begun;  // of an opaque connection: a repeated SYN is not a new one
    }
}

void ConnectionTable::expire(TimePoint now) {
    while (const auto key = deadlines_.pop_due(now)) {
        const auto found = connections_.find(*key);
        if (found == connections_.end() || found->second.queued > now) continue;
        Connection& connection = found->second;
        if (connection.idle_deadline > now && connection.state != State::undecided) {
            connection.queued = connection.idle_deadline;
            deadlines_.push(connection.queued, *key);
            continue;
        }
        forget_streams(connection);
        connections_.erase(found);
    }
}

}  // namespace messenger::alg
