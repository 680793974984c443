// SPDX-License-Identifier: GPL-2.0-or-later
// The part of ConnectionTable that an orderly restart needs: connections whose bytes were edited have other sequence
// numbers on either side, and whoever forwards their packets has to know by how much.
#include <optional>
#include <string_view>

#include "alg/nat/state_bytes.h"
#include "alg/sip/connection_table.h"

namespace messenger::alg {

namespace {

constexpr std::uint8_t kVersion = 1;

void write(StateWriter& out, const Endpoint& endpoint) {
    std::uint32_t address = 0;
    for (const std::byte byte : endpoint.address.bytes())
        address = address << 8U | std::to_integer<std::uint32_t>(byte);
    out.u32(address);
    out.u16(endpoint.port);
}

[[nodiscard]] Endpoint read_endpoint(StateReader& in) {
    const std::uint32_t address = in.u32();
    return {IpAddress::v4(address), in.u16()};
}

}  // namespace

bool ConnectionTable::has_edited(const FlowTuple& tuple) const {
    const auto found = connections_.find(tuple.source < tuple.destination ? tuple : tuple.reversed());
    return found != connections_.end() && found->second.is_altered();
}

void ConnectionTable::save(std::vector<std::byte>& to) const {
    StateWriter out(to);
    out.u8(kVersion);
    for (const auto& [tuple, connection] : connections_) {
        if (!connection.is_altered()) continue;
        write(out, tuple.source);  // IPv4 both: others are not edited
        write(out, tuple.destination);
        out.u8(connection.state == State::opaque ? 1 : 0);
        out.u8(connection.inside_first ? 1 : 0);
        connection.edited->save(to);
    }
}

/// The beginning of a message that its sender will not repeat. It was offered to the reader when it came, and did not
/// settle anything.
void ConnectionTable::read_again(Connection& connection, Side& side, std::string_view bytes) {
    if (bytes.empty()) return;
    bool whole = false;
    const auto on_message = [&](std::string_view) {
        whole = true;
        return std::optional<OpaqueReason>();
    };
    bool followed = side.reassembler->push(side.first, bytes, limits_) == StreamReassembler::Outcome::accepted;
    for (auto run = side.reassembler->next(); followed && !run.empty(); run = side.reassembler->next()) {
        const auto reason = side.messages.feed(
            run, limits_, spent_, on_message, [] {}, [](std::string_view) { return false; });
        followed = !reason && !whole;
    }
    account(connection, Store::bytes);
    // The bytes are not what was saved, or the limits are lower: they go on as they are.
    if (!followed) connection.state = State::opaque;
}

std::size_t ConnectionTable::load(std::span<const std::byte> from, TimePoint now) {
    StateReader version(from);
    if (version.u8() != kVersion || !version.good()) return 0;
    from = version.rest();
    std::size_t count = 0;
    while (!from.empty()) {
        StateReader in(from);
        FlowTuple tuple;
        tuple.transport = Transport::tcp;
        tuple.source = read_endpoint(in);
        tuple.destination = read_endpoint(in);
        const bool opaque = in.flag();
        const bool inside_first = in.flag();
        if (!in.good() || !(tuple.source < tuple.destination) || connections_.size() >= limits_.flows) return count;
        from = in.rest();
        auto edited = EditedConnection::load(from, edit_limits());
        if (!edited) return count;
        const auto [place, fresh] = connections_.try_emplace(tuple);
        Connection& connection = place->second;
        connection.key = &place->first;
        connection.state = opaque ? State::opaque : State::sip;
        connection.begin_seen = true;  // no other segment may begin it
        connection.restored = true;
        connection.edited = std::make_unique<EditedConnection>(*std::move(edited));
        connection.idle_deadline = now + limits_.flow_idle;
        connection.queued = connection.idle_deadline;
        deadlines_.push(connection.queued, tuple);
        connection.inside_first = inside_first;
        // Each direction goes on at the first byte that nobody has decided about: its sender repeats what was held.
        for (const bool inside : {false, true}) {
            Side& side = connection.sides[inside == inside_first ? 0 : 1];
            const auto next = connection.edited->decided(inside ? Sender::inside : Sender::outside);
            if (connection.state == State::opaque || !next) continue;
            side.first = *next;
            side.reassembler.emplace(*next);
            read_again(connection, side, connection.edited->unread(inside ? Sender::inside : Sender::outside));
        }
        ++count;
    }
    return count;
}

}  // namespace messenger::alg
