// SPDX-License-Identifier: GPL-2.0-or-later
// The part of ConnectionTable that decides who has a place when there are too many.
#include "alg/sip/connection_table.h"

namespace messenger::alg {

namespace {

constexpr Duration kUndecided = std::chrono::minutes(5);  // connected, but not a byte has been said
constexpr std::size_t kLooks = 64;                        // at candidates, for the room of one connection
constexpr std::uint32_t kBelievable = 1U << 30U;          // the widest window of TCP

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
    const auto place = connections_.try_emplace(key).first;
    Connection& connection = place->second;
    connection.key = &place->first;
    list(key, connection);
    connection.idle_deadline = now + limits_.flow_idle;
    deadlines_.queue(key, now + kUndecided, connection, connections_);
    return &connection;
}

void ConnectionTable::list(const Key& key, Connection& connection) {
    // Those that have ended leave their entries behind.
    if (candidates_.size() > 2 * connections_.size() + kLooks) {
        std::erase_if(candidates_, [this](const Candidate& candidate) {
            const auto known = connections_.find(candidate.key);
            return known == connections_.end() || known->second.listed != candidate.listed;
        });
    }
    connection.listed = ++last_listed_;
    candidates_.push_back({connection.listed, key});
}

/// Nobody counts on it being read: it is no SIP, or its opener has not been heard to answer, or has more than its
/// share.
bool ConnectionTable::is_expendable(const Connection& connection) {
    const EditedConnection* edited = connection.edited.get();
    // Packets that wait must get their verdict, and numbers that differ must go on being translated.
    if (edited != nullptr && (edited->is_altered() || edited->held_segments() > 0)) return false;
    // What was taken up in its middle carries our mark from before.
    const bool has_place = connection.opened_by || !connection.begin_seen;
    return connection.state != State::sip || !has_place;
}

/// The table is full: the oldest goes that is expendable, as far as a few looks find one.
bool ConnectionTable::make_room() {
    for (std::size_t look = 0; look < kLooks && !candidates_.empty(); ++look) {
        const Candidate candidate = candidates_.front();
        candidates_.pop_front();
        const auto found = connections_.find(candidate.key);
        if (found == connections_.end() || found->second.listed != candidate.listed) continue;
        if (is_expendable(found->second)) {
            erase(found);
            return true;
        }
        candidates_.push_back(candidate);
    }
    return false;
}

/// Whoever acknowledges the other end's SYN has seen it: the sender's address is not forged.
void ConnectionTable::note_handshake(Connection& connection, const Segment& segment) {
    const PacketView& packet = segment.view;
    if (connection.opened_by || packet.tcp.syn || packet.tcp.rst || !packet.tcp.ack) return;
    const Side& other = side_of(connection, packet.tuple.reversed());
    if (!other.begun || packet.tcp.acknowledgement - *other.begun >= kBelievable) return;
    const IpAddress& sender = packet.tuple.source.address;
    const IpAddress opener = segment.outbound ? sender : sender.site();
    std::size_t& places = openers_[opener];
    if (places >= limits_.flows_per_host) return;
    ++places;
    connection.opened_by = opener;
}

/// Gives its place back.
void ConnectionTable::unsettle(Connection& connection) {
    if (!connection.opened_by) return;
    const auto opener = openers_.find(*connection.opened_by);
    if (opener != openers_.end() && --opener->second == 0) openers_.erase(opener);
    connection.opened_by.reset();
}

void ConnectionTable::erase(Connections::iterator at) {
    unsettle(at->second);
    forget_streams(at->second);
    hold(at->second, Store::packets, 0);
    connections_.erase(at);
}

}  // namespace messenger::alg
