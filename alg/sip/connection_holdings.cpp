// SPDX-License-Identifier: GPL-2.0-or-later
// The part of ConnectionTable that decides which connections are given up when all together hold too much.
#include <algorithm>
#include <tuple>

#include "alg/sip/connection_table.h"

namespace messenger::alg {

namespace {

/// So much of a bound is free when somebody had to go: the next search is that far away.
constexpr std::size_t kFreed = 8;

}  // namespace

std::size_t ConnectionTable::held_by(const Connection& connection, Store store) {
    if (store == Store::packets) return connection.edited == nullptr ? 0 : connection.edited->held_segments();
    std::size_t bytes = 0;
    for (const Side& side : connection.sides) {
        bytes += side.messages.buffered() + (side.reassembler ? side.reassembler->buffered() : 0);
    }
    return bytes;
}

void ConnectionTable::account(Connection& connection, Store store) {
    hold(connection, store, held_by(connection, store));
}

void ConnectionTable::hold(Connection& connection, Store store, std::size_t amount) {
    Holders& holders = holders_.at(static_cast<std::size_t>(store));
    Holding& holding = connection.holdings.at(static_cast<std::size_t>(store));
    if (holding.amount == amount) return;
    holders.amount = holders.amount - holding.amount + amount;
    if (holding.amount == 0) {
        holding.place = holders.connections.size();
        holders.connections.push_back(&connection);
    } else if (amount == 0) {
        Connection* const last = holders.connections.back();
        holders.connections[holding.place] = last;
        last->holdings.at(static_cast<std::size_t>(store)).place = holding.place;
        holders.connections.pop_back();
    }
    holding.amount = amount;
}

/// In whose name. Packets that wait are those of the inside host, whoever sends them: it takes part. Bytes are those of
/// the opener. Whoever has not shaken hands, or has no place of its own, is one with all others of the kind; what was
/// taken up in its middle, or over a restart, stands for itself.
ConnectionTable::Key ConnectionTable::holder_of(const Connection& connection, Store store) {
    const auto host = [](const IpAddress& address) { return Key{{address, 0}, {}, Transport::tcp}; };
    if (store == Store::packets) {
        const Endpoint& inside = connection.inside_first ? connection.key->source : connection.key->destination;
        return host(inside.address);
    }
    if (connection.opened_by) return host(*connection.opened_by);
    return connection.begin_seen && !connection.restored ? Key{} : *connection.key;
}

/// Over the bound: of the host that holds most the largest connection goes, and again, until a part of it is free.
void ConnectionTable::relieve(Store store, TimePoint now) {
    const bool packets = store == Store::packets;
    const std::size_t most = packets ? limits_.held_in_all : limits_.buffered_bytes;
    Holders& holders = holders_.at(static_cast<std::size_t>(store));
    if (holders.amount <= most) return;
    struct Part {
        Key holder;
        std::size_t amount = 0;
        Connection* connection = nullptr;
    };
    std::vector<Part> parts;
    for (Connection* const connection : holders.connections) {
        parts.push_back({holder_of(*connection, store), connection->holdings.at(static_cast<std::size_t>(store)).amount,
                         connection});
    }
    std::sort(parts.begin(), parts.end(), [](const Part& one, const Part& other) {
        return std::tie(one.holder, one.amount) < std::tie(other.holder, other.amount);
    });
    struct Host {
        std::size_t amount = 0;  ///< of the parts [begin, end), the largest last
        std::size_t begin = 0;
        std::size_t end = 0;
    };
    std::vector<Host> hosts;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i == 0 || parts[i].holder != parts[i - 1].holder) hosts.push_back({0, i, i});
        hosts.back().amount += parts[i].amount;
        hosts.back().end = i + 1;
    }
    const auto holds_less = [](const Host& one, const Host& other) { return one.amount < other.amount; };
    std::make_heap(hosts.begin(), hosts.end(), holds_less);
    while (holders.amount > most - most / kFreed && !hosts.empty()) {
        std::pop_heap(hosts.begin(), hosts.end(), holds_less);
        Host& host = hosts.back();
        const Part& largest = parts[--host.end];
        host.amount -= largest.amount;
        evict(*largest.connection, packets ? OpaqueReason::too_much_held : OpaqueReason::too_much_early_data, now);
        if (host.begin == host.end) {
            hosts.pop_back();
        } else {
            std::push_heap(hosts.begin(), hosts.end(), holds_less);
        }
    }
}

/// Its memory is free at once. Its packets go on with its next one, or with the next expire(), for the verdicts on the
/// packet at hand are those of another connection.
void ConnectionTable::evict(Connection& connection, OpaqueReason reason, TimePoint now) {
    forget_streams(connection);
    hold(connection, Store::packets, 0);
    connection.state = State::opaque;
    connection.owes_mark = true;
    connection.evicted = reason;
    connection.queued = now;
    deadlines_.push(now, *connection.key);
}

}  // namespace messenger::alg
