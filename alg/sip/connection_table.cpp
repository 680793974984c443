// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/connection_table.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "alg/net/packet_writer.h"
#include "alg/sip/framing.h"

namespace messenger::alg {

namespace {

constexpr Duration kLinger = std::chrono::seconds(60);  // after a FIN or RST: retransmissions
/// Which side of its connection sends.
[[nodiscard]] std::size_t index_of(const FlowTuple& tuple) {
    return tuple.source < tuple.destination ? 0 : 1;
}

}  // namespace

ConnectionTable::Outcome ConnectionTable::on_segment(const Segment& segment, const Policy& policy, TimePoint now,
                                                     StreamReader& reader, ReleaseList& releases) {
    spent_.clear();
    forgotten_.clear();
    Outcome outcome;
    const PacketView& packet = segment.view;
    Connection* connection = find_or_add(packet, now, outcome);
    if (connection == nullptr) return outcome;
    note_handshake(*connection, segment);
    connection->idle_deadline = now + limits_.flow_idle;
    std::uint32_t sequence = packet.tcp.sequence;
    if (packet.tcp.syn) begin(*connection, packet, ++sequence);
    const bool changes = connection->edited != nullptr || connection->overwrites != nullptr;
    if (connection->state == State::opaque && !changes) {
        if (std::exchange(connection->owes_mark, false)) outcome.mark = FlowMark::opaque;
        return outcome;
    }
    Side& side = side_of(*connection, packet.tuple);
    // With a SYN of either end seen, the mark says nothing that we should not know better ourselves.
    const bool may_take_up = (segment.sip_marked && !connection->begin_seen) || policy.take_up_any_stream;
    prepare_edits(*connection, segment, may_take_up);
    const std::size_t first_release = releases.size();
    const bool was_altered = connection->is_altered();
    const Sender sender = sender_of(*connection, segment);
    bool too_much = false;
    if (connection->edited != nullptr) too_much = push_edited(*connection, segment, releases, outcome);
    // The data of a SYN that nobody has answered is not yet that of this connection.
    const bool offered = packet.tcp.syn && side.begun != sequence;
    if (!packet.payload.empty() && !offered && connection->state != State::opaque) {
        take_payload(*connection, segment, sequence, may_take_up, now, reader, outcome);
    }
    if (too_much) give_up(*connection, OpaqueReason::too_much_held, outcome);
    if (connection->edited != nullptr) settle(*connection, packet.tuple, sender, releases, now);
    if (connection->overwrites != nullptr) {
        overwrite(*connection, segment, sequence, outcome);
    } else if (std::exchange(connection->owes_mark, false)) {
        outcome.mark = FlowMark::opaque;
    }
    const bool altered = connection->is_altered();
    if (altered) releases.mark_edited(first_release);
    outcome.edited = altered && !was_altered;
    // Its numbers are translated for as long as it lives: it must go on coming here.
    if (outcome.mark == FlowMark::opaque && altered) outcome.mark = FlowMark::none;
    account(*connection, Store::packets);
    relieve(Store::packets, now);
    if (packet.tcp.rst || packet.tcp.fin) on_end(*connection, packet, now);
    return outcome;
}

/// From a connection's first packet that may be edited on, everything passes through its EditedConnection, or its
/// Overwrites.
void ConnectionTable::prepare_edits(Connection& connection, const Segment& segment, bool may_take_up) {
    const PacketView& packet = segment.view;
    if (segment.editable && connection.edited == nullptr && (packet.tcp.syn || may_take_up)) {
        connection.edited = std::make_unique<EditedConnection>(edit_limits());
        connection.overwrites.reset();
        connection.inside_first = segment.outbound == (packet.tuple.source < packet.tuple.destination);
    }
    const bool overwritable = segment.overwritable && connection.edited == nullptr && connection.state != State::opaque;
    if (overwritable && connection.overwrites == nullptr) {
        connection.overwrites = std::make_unique<std::array<Overwrites, 2>>();
    }
    Side& side = side_of(connection, packet.tuple);
    if (connection.edited != nullptr && !packet.payload.empty() && !side.reassembler &&
        connection.state != State::opaque && take_up(side, packet, may_take_up)) {
        connection.edited->take_up(sender_of(connection, segment), packet.tcp.sequence);
    }
}

void ConnectionTable::take_payload(Connection& connection, const Segment& segment, std::uint32_t sequence,
                                   bool may_take_up, TimePoint now, StreamReader& reader, Outcome& outcome) {
    Side& side = side_of(connection, segment.view.tuple);
    if (!side.reassembler && !take_up(side, segment.view, may_take_up)) {
        // A capture, or a connection that was SIP before we were started anew, may become readable later: what comes
        // first may be a keep-alive or the rest of a message. Any other has had its only chance.
        if (!may_take_up) give_up(connection, OpaqueReason::beginning_not_seen, outcome);
        return;
    }
    read(connection, segment, sequence, reader, outcome);
    account(connection, Store::bytes);
    relieve(Store::bytes, now);
    if (connection.evicted) outcome.opaque = std::exchange(connection.evicted, std::nullopt);
}

void ConnectionTable::read(Connection& connection, const Segment& segment, std::uint32_t sequence, StreamReader& reader,
                           Outcome& outcome) {
    Side& side = side_of(connection, segment.view.tuple);
    switch (side.reassembler->push(sequence, segment.view.payload, limits_)) {
        case StreamReassembler::Outcome::accepted: break;
        case StreamReassembler::Outcome::conflict:
            give_up(connection, OpaqueReason::conflicting_segments, outcome);
            return;
        case StreamReassembler::Outcome::overflow:
            give_up(connection, OpaqueReason::too_much_early_data, outcome);
            return;
    }
    MessageStream& messages = side.messages;
    const Sender sender = sender_of(connection, segment);
    const auto with_edits = [&](const auto& call) {
        const std::uint32_t begin = side.first + messages.message_position();
        if (connection.overwrites != nullptr) {
            MessageEdits edits((*connection.overwrites)[index_of(segment.view.tuple)], begin);
            return call(&edits);
        }
        if (connection.edited == nullptr || connection.edited->given_up(sender)) return call(nullptr);
        MessageEdits edits(*connection.edited, sender, begin, connection.nat);
        return call(&edits);
    };
    const auto on_message = [&](std::string_view message) {
        if (connection.state == State::undecided) {
            connection.state = State::sip;
            outcome.mark = FlowMark::sip;
        }
        return with_edits(
            [&](MessageEdits* edits) { return reader.on_message(message, messages.was_settled() ? nullptr : edits); });
    };
    const auto on_head = [&](std::string_view head) {
        return with_edits([&](MessageEdits* edits) { return edits != nullptr && reader.on_head(head, *edits); });
    };
    for (std::string_view run = side.reassembler->next(); !run.empty(); run = side.reassembler->next()) {
        const auto reason = messages.feed(
            run, limits_, spent_, on_message, [&] { reader.on_too_large(); }, on_head);
        if (!reason) continue;
        give_up(connection, *reason, outcome);
        return;
    }
}

/// After a segment was read: it goes on with the bytes that have to be others, also when it comes again.
void ConnectionTable::overwrite(Connection& connection, const Segment& segment, std::uint32_t sequence,
                                Outcome& outcome) {
    const PacketView& packet = segment.view;
    Overwrites& own = (*connection.overwrites)[index_of(packet.tuple)];
    Overwrites& other = (*connection.overwrites)[1 - index_of(packet.tuple)];
    if (packet.tcp.ack) other.on_acknowledgement(packet.tcp.acknowledgement);
    if (!packet.payload.empty()) {
        if (!own.empty()) {
            payload_.assign(packet.payload);
            SegmentChange change;
            change.sequence = packet.tcp.sequence;
            change.acknowledgement = packet.tcp.acknowledgement;
            const bool differs = own.apply(sequence, payload_);
            if (differs && write_segment(segment.packet, packet, change, payload_, written_)) {
                outcome.replacement = written_;
            }
        }
        own.on_segment(sequence, packet.payload.size());
    }
    if (connection.state != State::opaque) return;
    // Until what is overwritten has arrived it may come again, and must come here.
    const bool done = own.empty() && other.empty();
    const bool marks = connection.owes_mark || outcome.mark == FlowMark::opaque;
    outcome.mark = done && marks ? FlowMark::opaque : FlowMark::none;
    connection.owes_mark = !done && marks;
    if (done) connection.overwrites.reset();
}

/// After a segment was read: what it decided leaves, and what has to wait is not forgotten.
void ConnectionTable::settle(Connection& connection, const FlowTuple& tuple, Sender sender, ReleaseList& releases,
                             TimePoint now) {
    EditedConnection& edited = *connection.edited;
    const auto decided = edited.decided(sender);
    if (connection.state == State::opaque) {
        for (const Sender one : {Sender::inside, Sender::outside}) edited.give_up(one, releases);
    } else {
        const Side& side = side_of(connection, tuple);
        // A direction that is not read yet has nothing to change: a capture, or a keep-alive after a restart.
        assert(side.reassembler || !edited.waits(sender));
        if (side.reassembler) {
            edited.decide(sender, side.first + side.messages.settled_position(), releases);
        } else if (edited.waits(sender)) {
            edited.give_up(sender, releases);  // nobody would ever decide
        }
    }
    limit_wait(connection, tuple, edited.decided(sender) != decided ? std::optional(sender) : std::nullopt, now);
}

/// A busy direction may never have nothing that waits. So it is the message at its front that has so much time.
void ConnectionTable::limit_wait(Connection& connection, const FlowTuple& tuple, std::optional<Sender> went_on,
                                 TimePoint now) {
    for (const Sender one : {Sender::inside, Sender::outside}) {
        auto& deadline = connection.hold_deadlines.at(static_cast<std::size_t>(one));
        if (!connection.edited->waits(one)) {
            deadline.reset();
        } else if (!deadline || went_on == one) {
            deadline = now + limits_.hold_time;
        }
    }
    const auto earliest = connection.hold_deadline();
    if (!earliest || *earliest >= connection.queued) return;
    connection.queued = *earliest;
    deadlines_.push(connection.queued, key_of(tuple));
}

std::optional<TimePoint> ConnectionTable::Connection::hold_deadline() const {
    const auto& [inside, outside] = hold_deadlines;
    if (!inside || !outside) return inside ? inside : outside;
    return std::min(*inside, *outside);
}

ConnectionTable::Side& ConnectionTable::side_of(Connection& connection, const FlowTuple& tuple) {
    return connection.sides[index_of(tuple)];
}

EditLimits ConnectionTable::edit_limits() const {
    EditLimits limits;
    limits.held_bytes = limits_.held_bytes;
    limits.held_segments = limits_.held_segments;
    limits.mss_room = limits_.mss_room;
    return limits;
}

void ConnectionTable::begin(Connection& connection, const PacketView& packet, std::uint32_t first_sequence) {
    Side& side = side_of(connection, packet.tuple);
    if (side.begun == first_sequence) return;  // a repeated SYN, however much has been said since
    if (side.begun || side.reassembler || connection.state == State::opaque) {
        // Packets of this connection may wait, and go on as the reader says: it must not leave before they do.
        if (connection.edited != nullptr) return;
        begin_anew(connection);
    }
    connection.begin_seen = true;
    begin(side, first_sequence);
}

void ConnectionTable::begin(Side& side, std::uint32_t first_sequence) {
    side.begun = first_sequence;
    side.first = first_sequence;
    side.reassembler.emplace(first_sequence);
}

/// The ports are used again: a new connection, which has to begin with SIP like every other. Both directions begin
/// anew, so that a SYN that only one end made up gains nothing.
void ConnectionTable::begin_anew(Connection& connection) {
    forget_streams(connection);
    for (Side& one : connection.sides) one.begun.reset();
    unsettle(connection);
    connection.state = State::undecided;
    connection.closing = false;
    connection.owes_mark = false;
    connection.evicted.reset();
    connection.overwrites.reset();
    connection.nat = {};
}

/// Whether more would be held than may be.
bool ConnectionTable::push_edited(Connection& connection, const Segment& segment, ReleaseList& releases,
                                  Outcome& outcome) {
    EditedConnection& edited = *connection.edited;
    const Sender sender = sender_of(connection, segment);
    const auto firsts = [&edited] { return std::array{edited.first(Sender::inside), edited.first(Sender::outside)}; };
    const auto before = firsts();
    outcome.released = true;
    const auto pushed = edited.push(sender, segment.token, segment.packet, segment.view, releases);
    if (segment.view.tcp.syn && firsts() != before) begin_edited_anew(connection, outcome);
    return pushed == EditedConnection::Outcome::overflow;
}

/// A SYN has been answered, and what waited has gone: now the reader may begin with the new numbers, too.
void ConnectionTable::begin_edited_anew(Connection& connection, Outcome& outcome) {
    const EditedConnection& edited = *connection.edited;
    constexpr std::array kBoth{Sender::inside, Sender::outside};
    if (std::all_of(kBoth.begin(), kBoth.end(),
                    [&](Sender one) { return edited_side(connection, one).begun == edited.first(one); })) {
        return;  // the first SYNs
    }
    begin_anew(connection);
    for (const Sender one : kBoth) {
        const auto first = edited.first(one);
        assert(first);  // both begin with the answer
        if (first) begin(edited_side(connection, one), *first);
    }
    // The data of a SYN passed when it was but an offer.
    for (const Sender one : kBoth) {
        if (edited.decided(one) != edited.first(one)) give_up(connection, OpaqueReason::beginning_not_seen, outcome);
    }
}

/// Of a connection that has been edited, the end that was inside then stays so, whatever the policy says by now: its
/// numbers are those of one direction.
Sender ConnectionTable::sender_of(const Connection& connection, const Segment& segment) {
    const FlowTuple& tuple = segment.view.tuple;
    const bool inside =
        connection.edited == nullptr ? segment.outbound : connection.inside_first == (tuple.source < tuple.destination);
    return inside ? Sender::inside : Sender::outside;
}

ConnectionTable::Side& ConnectionTable::edited_side(Connection& connection, Sender sender) {
    return connection.sides[(sender == Sender::inside) == connection.inside_first ? 0 : 1];
}

bool ConnectionTable::take_up(Side& side, const PacketView& packet, bool allowed) {
    if (!allowed || !begins_with_start_line(packet.payload)) return false;
    side.first = packet.tcp.sequence;
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
    hold(connection, Store::bytes, 0);
    for (Side& side : connection.sides) {
        const auto begun = side.begun;
        forgotten_.push_back(std::move(side));
        side = Side{};
        side.begun = begun;  // of an opaque connection: a repeated SYN is not a new one
    }
}

std::optional<OpaqueReason> ConnectionTable::expire_one(const Key& key, TimePoint now, ReleaseList& releases) {
    const auto found = connections_.find(key);
    if (found == connections_.end() || found->second.queued > now) return std::nullopt;
    Connection& connection = found->second;
    auto reason = std::exchange(connection.evicted, std::nullopt);
    const auto hold_deadline = connection.hold_deadline();
    if (!reason && hold_deadline && *hold_deadline <= now) {
        // Whoever sends half a message and waits would wait for ever.
        reason = OpaqueReason::held_too_long;
        Outcome outcome;
        give_up(connection, *reason, outcome);
    }
    if (reason) let_go(connection, releases);
    if (connection.idle_deadline > now && connection.state != State::undecided) {
        connection.queued = connection.idle_deadline;
        connection.queued = std::min(connection.queued, connection.hold_deadline().value_or(TimePoint::max()));
        deadlines_.push(connection.queued, key);
        return reason;
    }
    let_go(connection, releases);
    erase(found);
    return reason;
}

/// What waits goes on.
void ConnectionTable::let_go(Connection& connection, ReleaseList& releases) {
    if (connection.edited == nullptr) return;
    const std::size_t first_release = releases.size();
    const bool altered = connection.edited->is_altered();
    for (const Sender one : {Sender::inside, Sender::outside}) connection.edited->give_up(one, releases);
    connection.hold_deadlines = {};
    if (altered) releases.mark_edited(first_release);
    account(connection, Store::packets);
}

}  // namespace messenger::alg
