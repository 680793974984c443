// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "alg/base/deadlines.h"
#include "alg/limits.h"
#include "alg/net/hash.h"
#include "alg/net/packet.h"
#include "alg/net/stream.h"
#include "alg/plan.h"
#include "alg/policy.h"
#include "alg/sip/message_stream.h"

namespace messenger::alg {

/// The TCP connections on SIP ports: which of them are SIP, and their streams.
///
/// A connection is SIP only if the very first bytes of each direction are a SIP start line, and the first violation
/// makes it opaque for ever: no resynchronising (NAT Slipstreaming lives on inspectors that look at packets instead of
/// streams). A connection whose beginning was not seen is taken up only if it carries our own mark from before, at a
/// segment that begins with a start line.
class ConnectionTable {
   public:
    ConnectionTable(const Limits& limits, const HashKey& secret)
        : limits_(limits), connections_(0, KeyedHash{secret}) {}

    /// What came of one segment.
    struct Outcome {
        FlowMark mark = FlowMark::none;      ///< none: nothing new
        std::optional<OpaqueReason> opaque;  ///< it has just become opaque
        bool table_full = false;             ///< not looked at
    };

    /// sip_marked: the connection carries our mark. Calls found(message) and too_large() as MessageStream::feed does.
    /// What was handed out lives as long as the packet and until the next call.
    template <class Found, class TooLarge>
    [[nodiscard]] Outcome on_segment(const PacketView& packet, bool sip_marked, const Policy& policy, TimePoint now,
                                     Found&& found, TooLarge&& too_large) {
        spent_.clear();
        forgotten_.clear();
        Outcome outcome;
        Connection* connection = find_or_add(packet, now, outcome);
        if (connection == nullptr) return outcome;
        connection->idle_deadline = now + limits_.flow_idle;
        std::uint32_t sequence = packet.tcp.sequence;
        if (packet.tcp.syn) begin(*connection, packet, ++sequence);
        if (connection->state == State::opaque) return outcome;
        Side& side = side_of(*connection, packet.tuple);
        if (!packet.payload.empty()) {
            // With a SYN of either end seen, the mark says nothing that we should not know better ourselves.
            const bool may_take_up = (sip_marked && !connection->begin_seen) || policy.take_up_any_stream;
            if (!side.reassembler && !take_up(side, packet, may_take_up)) {
                // A capture, or a connection that was SIP before we were started anew, may become readable later: what
                // comes first may be a keep-alive or the rest of a message. Any other has had its only chance.
                if (!may_take_up) give_up(*connection, OpaqueReason::beginning_not_seen, outcome);
                return outcome;
            }
            feed(*connection, side, sequence, packet.payload, outcome, found, too_large);
            account(side);
            if (buffered_ > limits_.buffered_bytes) give_up(*connection, OpaqueReason::too_much_early_data, outcome);
        }
        if (packet.tcp.rst || packet.tcp.fin) on_end(*connection, packet, now);
        return outcome;
    }

    void expire(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_deadline() const { return deadlines_.next(); }
    [[nodiscard]] std::size_t size() const { return connections_.size(); }

   private:
    struct Side {
        std::optional<StreamReassembler> reassembler;  ///< from the SYN on, or from where it was taken up
        std::optional<std::uint32_t> begun;            ///< the first sequence number that the SYN named
        MessageStream messages;
        std::size_t accounted = 0;  ///< its part of buffered_
    };
    enum class State : std::uint8_t { undecided, sip, opaque };
    struct Connection {
        State state = State::undecided;
        std::array<Side, 2> sides;  ///< [0] sends from the smaller endpoint
        TimePoint idle_deadline;
        TimePoint queued;
        bool begin_seen = false;  ///< a SYN
        bool closing = false;     ///< one FIN has been seen
    };
    using Key = FlowTuple;  ///< of the direction that comes first in order

    template <class Found, class TooLarge>
    void feed(Connection& connection, Side& side, std::uint32_t sequence, std::string_view payload, Outcome& outcome,
              Found& found, TooLarge& too_large) {
        switch (side.reassembler->push(sequence, payload, limits_)) {
            case StreamReassembler::Outcome::accepted: break;
            case StreamReassembler::Outcome::conflict:
                give_up(connection, OpaqueReason::conflicting_segments, outcome);
                return;
            case StreamReassembler::Outcome::overflow:
                give_up(connection, OpaqueReason::too_much_early_data, outcome);
                return;
        }
        for (std::string_view run = side.reassembler->next(); !run.empty(); run = side.reassembler->next()) {
            const auto on_message = [&](std::string_view message) {
                if (connection.state == State::undecided) {
                    connection.state = State::sip;
                    outcome.mark = FlowMark::sip;
                }
                found(message);
            };
            if (const auto reason = side.messages.feed(run, limits_, spent_, on_message, too_large)) {
                give_up(connection, *reason, outcome);
                return;
            }
        }
    }

    [[nodiscard]] Connection* find_or_add(const PacketView& packet, TimePoint now, Outcome& outcome);
    [[nodiscard]] static Side& side_of(Connection& connection, const FlowTuple& tuple);
    [[nodiscard]] bool make_room();
    void account(Side& side);
    void begin(Connection& connection, const PacketView& packet, std::uint32_t first_sequence);
    [[nodiscard]] static bool take_up(Side& side, const PacketView& packet, bool allowed);
    void give_up(Connection& connection, OpaqueReason reason, Outcome& outcome);
    void on_end(Connection& connection, const PacketView& packet, TimePoint now);
    void forget_streams(Connection& connection);

    const Limits& limits_;
    std::unordered_map<Key, Connection, KeyedHash> connections_;
    Deadlines<Key> deadlines_;
    MessageStream::Spent spent_;
    std::vector<Side> forgotten_;  ///< streams given up by this segment: its messages may still point into them
    std::size_t buffered_ = 0;     ///< of all streams together
};

}  // namespace messenger::alg
