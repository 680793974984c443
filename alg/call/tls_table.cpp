// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/tls_table.h"

#include <numeric>
#include <string_view>

namespace messenger::alg {

namespace {

constexpr Duration kHandshake = std::chrono::minutes(1);

[[nodiscard]] unsigned byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned char>(bytes[at]);
}

/// A handshake record of SSL 3.0 or later: "16 03 ..".
[[nodiscard]] bool begins_handshake(std::string_view bytes) {
    return bytes.size() >= 2 && byte_at(bytes, 0) == 0x16 && byte_at(bytes, 1) == 0x03;
}

/// The hello of SSL 2.0 that asks for a later version: length with its upper bit set, 01, 03 (RFC 5246 appendix E.2).
[[nodiscard]] bool begins_old_hello(std::string_view bytes) {
    return bytes.size() >= 4 && (byte_at(bytes, 0) & 0x80U) != 0 && byte_at(bytes, 2) == 0x01 &&
           byte_at(bytes, 3) == 0x03;
}

}  // namespace

TlsTable::Event TlsTable::on_segment(const FlowTuple& tuple, bool from_client, const PacketView& packet,
                                     Duration silence, TimePoint now) {
    const TcpFields& tcp = packet.tcp;
    Connection* connection = find(tuple);
    if (tcp.syn && !tcp.ack && from_client) return on_syn(tuple, connection, tcp.sequence, now);
    if (connection == nullptr) {
        const bool ends = tcp.fin || tcp.rst;
        return packet.payload.empty() || ends ? Event::none : Event::not_tls;
    }
    if (tcp.syn) {
        const bool answers = !from_client && tcp.ack && tcp.acknowledgement == connection->client_first;
        if (answers) connection->server_first = tcp.sequence + 1;
        return Event::none;
    }
    if (tcp.fin || tcp.rst) {
        return erase(connections_.find(tuple)) ? Event::ended : Event::none;
    }
    if (connection->live) {
        connection->until = now + silence;
        return Event::goes_on;
    }
    return packet.payload.empty() ? Event::none : on_payload(tuple, *connection, from_client, packet, silence, now);
}

TlsTable::Event TlsTable::on_syn(const FlowTuple& tuple, Connection* connection, std::uint32_t sequence,
                                 TimePoint now) {
    if (connection != nullptr && connection->client_first == sequence + 1) return Event::none;  // repeated
    // A made-up one does not end what lives, and a real one means that it has ended, or will.
    if (connection != nullptr && connection->live) return Event::none;
    if (connection == nullptr) connection = begin(tuple, now);
    if (connection == nullptr) return Event::full;
    connection->said_hello = false;
    connection->client_first = sequence + 1;
    connection->server_first.reset();
    return Event::none;
}

TlsTable::Event TlsTable::on_payload(const FlowTuple& tuple, Connection& connection, bool from_client,
                                     const PacketView& packet, Duration silence, TimePoint now) {
    const auto first = from_client ? std::optional(connection.client_first) : connection.server_first;
    if (first != packet.tcp.sequence) return Event::none;  // came early
    const std::string_view bytes = packet.payload;
    if (from_client) {
        connection.said_hello = begins_handshake(bytes) || begins_old_hello(bytes);
    } else if (connection.said_hello && begins_handshake(bytes)) {
        set_live(tuple, connection);
        connection.until = now + silence;
        queue(tuple, connection);
        return Event::began;
    }
    if (from_client && connection.said_hello) return Event::none;
    connections_.erase(tuple);
    return Event::not_tls;
}

bool TlsTable::restore(const FlowTuple& tuple, const IpAddress& behind, TimePoint now) {
    Connection* connection = begin(tuple, now);
    if (connection == nullptr) return false;
    set_live(tuple, *connection);
    connection->behind = behind;
    connection->until = now;
    queue(tuple, *connection);
    return true;
}

TlsTable::Connection* TlsTable::begin(const FlowTuple& tuple, TimePoint now) {
    if (connections_.size() >= limits_.flows) return nullptr;
    Connection& connection = connections_[tuple];
    connection.until = now + kHandshake;
    queue(tuple, connection);
    return &connection;
}

TlsTable::Connection* TlsTable::find(const FlowTuple& tuple) {
    const auto found = connections_.find(tuple);
    return found == connections_.end() ? nullptr : &found->second;
}

std::size_t TlsTable::live_of(const IpAddress& client) const {
    const auto found = live_.find(client);
    return found == live_.end() ? 0 : found->second;
}

std::size_t TlsTable::live() const {
    return std::accumulate(live_.begin(), live_.end(), std::size_t{0},
                           [](std::size_t sum, const auto& client) { return sum + client.second; });
}

void TlsTable::set_live(const FlowTuple& tuple, Connection& connection) {
    if (connection.live) return;
    connection.live = true;
    ++live_[tuple.source.address];
}

bool TlsTable::erase(Connections::iterator connection) {
    const bool lived = connection->second.live;
    if (lived) {
        const auto client = live_.find(connection->first.source.address);
        if (client != live_.end() && --client->second == 0) live_.erase(client);
    }
    connections_.erase(connection);
    return lived;
}

void TlsTable::queue(const FlowTuple& tuple, Connection& connection) {
    deadlines_.queue(tuple, connection.until, connection, connections_);
}

}  // namespace messenger::alg
