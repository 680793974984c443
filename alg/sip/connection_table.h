// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "alg/base/deadlines.h"
#include "alg/limits.h"
#include "alg/nat/edited_connection.h"
#include "alg/nat/nat_path.h"
#include "alg/nat/overwrites.h"
#include "alg/nat/release_list.h"
#include "alg/net/hash.h"
#include "alg/net/packet.h"
#include "alg/net/stream.h"
#include "alg/plan.h"
#include "alg/policy.h"
#include "alg/sip/message_stream.h"

namespace messenger::alg {

/// Whether a connection is translated, and how: asked once.
struct FlowNat {
    bool asked = false;
    bool translated = false;
    NatPath path;
};

/// Where the changes to one message of a connection go.
class MessageEdits {
   public:
    MessageEdits(EditedConnection& connection, Sender sender, std::uint32_t sequence, FlowNat& nat)
        : connection_(&connection), nat_(&nat), sequence_(sequence), sender_(sender) {}
    /// Of a connection that is not translated: only edits that keep every length.
    MessageEdits(Overwrites& overwrites, std::uint32_t sequence) : overwrites_(&overwrites), sequence_(sequence) {}
    /// False: the message passes as it is.
    [[nodiscard]] bool apply(const EditList& edits) {
        if (overwrites_ != nullptr) return overwrites_->add(sequence_, edits);
        return connection_->edit(sender_, sequence_, edits);
    }
    [[nodiscard]] FlowNat* nat() { return nat_; }  ///< nullptr: no edit may change a length

   private:
    EditedConnection* connection_ = nullptr;
    Overwrites* overwrites_ = nullptr;
    FlowNat* nat_ = nullptr;
    std::uint32_t sequence_;
    Sender sender_ = Sender::inside;
};

/// Who reads the messages of the connections.
class StreamReader {
   public:
    StreamReader() = default;
    StreamReader(const StreamReader&) = delete;
    StreamReader& operator=(const StreamReader&) = delete;
    StreamReader(StreamReader&&) = delete;
    StreamReader& operator=(StreamReader&&) = delete;
    virtual ~StreamReader() = default;
    /// A whole message. edits: absent if nothing about it can change any more. Returns a reason if no message can
    /// follow.
    [[nodiscard]] virtual std::optional<OpaqueReason> on_message(std::string_view message, MessageEdits* edits) = 0;
    /// Only of connections that may be changed: the head of a message whose body is still to come. True if nothing
    /// about the message will change any more: then nobody has to wait for the body.
    [[nodiscard]] virtual bool on_head(std::string_view head, MessageEdits& edits) = 0;
    /// A message whose body is above Limits::body_bytes was passed over.
    virtual void on_too_large() = 0;
};

/// The TCP connections on SIP ports: which of them are SIP, and their streams.
///
/// A connection is SIP only if the very first bytes of each direction are a SIP start line, and the first violation
/// makes it opaque for ever: no resynchronising (NAT Slipstreaming lives on inspectors that look at packets instead of
/// streams). A connection whose beginning was not seen is taken up only if it carries our own mark from before, at a
/// segment that begins with a start line.
///
/// A full table makes room at the cost of what is no SIP, and of what only one end has been heard of: a flood of SYNs
/// with forged senders, and SIP behind them, puts nobody out who has shaken hands. Nor does one host that opens very
/// many connections: beyond Limits::flows_per_host they are kept only as long as there is room.
///
/// What connections hold together, bytes of unfinished messages and packets that wait, has a bound. Over it the host
/// that holds most loses its largest connections, not the one that comes last.
class ConnectionTable {
   public:
    ConnectionTable(const Limits& limits, const HashKey& secret)
        : limits_(limits), connections_(0, KeyedHash{secret}), openers_(0, KeyedHash{secret}) {}

    /// What came of one segment.
    struct Outcome {
        FlowMark mark = FlowMark::none;          ///< none: nothing new
        std::optional<OpaqueReason> opaque;      ///< it has just become opaque
        bool table_full = false;                 ///< not looked at
        bool edited = false;                     ///< the connection carries its first edit
        bool released = false;                   ///< the verdict on the packet is in the list, now or later
        std::span<const std::byte> replacement;  ///< the packet as it goes on, until the next call; empty: as it came
    };

    /// A TCP packet as it came.
    struct Segment {
        const PacketView& view;
        std::span<const std::byte> packet;
        bool sip_marked = false;  ///< the connection carries our mark
        /// Its messages may be edited: what they become decides the packets, which wait meanwhile. token: the packet's
        /// name in the list of releases.
        bool editable = false;
        bool overwritable = false;  ///< not editable: its bytes may become others, as many at the same place
        bool outbound = false;      ///< from the inside host; only of an editable one
        PacketToken token = 0;
    };

    /// Calls the reader for what the segment completes. What was handed out lives as long as the packet and until the
    /// next call. releases: verdicts, on packets of before, too.
    [[nodiscard]] Outcome on_segment(const Segment& segment, const Policy& policy, TimePoint now, StreamReader& reader,
                                     ReleaseList& releases);

    /// Forgets what is idle. Packets that have waited too long, or of a connection that held too much, go their way as
    /// they are: given_up(tuple, OpaqueReason) for each such connection.
    template <class GivenUp>
    void expire(TimePoint now, ReleaseList& releases, GivenUp&& given_up) {
        while (const auto key = deadlines_.pop_due(now)) {
            if (const auto reason = expire_one(*key, now, releases)) given_up(*key, *reason);
        }
    }
    // connection_state.cpp: what an orderly restart hands over
    [[nodiscard]] bool has_edited(const FlowTuple& tuple) const;
    /// Appends the connections that carry edits, without the packets that wait: nobody has seen them, so they come
    /// again.
    void save(std::vector<std::byte>& to) const;
    /// Returns the number of connections taken over; what cannot be read, and what follows it, is left out.
    [[nodiscard]] std::size_t load(std::span<const std::byte> from, TimePoint now);

    [[nodiscard]] std::optional<TimePoint> next_deadline() const { return deadlines_.next(); }
    [[nodiscard]] std::size_t size() const { return connections_.size(); }

   private:
    struct Side {
        std::optional<StreamReassembler> reassembler;  ///< from the SYN on, or from where it was taken up
        std::optional<std::uint32_t> begun;            ///< the first sequence number that the SYN named
        std::uint32_t first = 0;                       ///< the number of the first byte that is read
        MessageStream messages;
    };
    /// What has a bound for all connections together.
    enum class Store : std::uint8_t {
        bytes,    ///< of messages and out of order
        packets,  ///< that wait
    };
    static constexpr std::array kStores{Store::bytes, Store::packets};
    /// What one connection has in a store.
    struct Holding {
        std::size_t amount = 0;
        std::size_t place = 0;  ///< in Holders::connections, if amount is not 0
    };
    enum class State : std::uint8_t { undecided, sip, opaque };
    struct Connection {
        const FlowTuple* key = nullptr;  ///< in the table
        State state = State::undecided;
        std::array<Side, 2> sides;                 ///< [0] sends from the smaller endpoint
        std::unique_ptr<EditedConnection> edited;  ///< of an editable one
        FlowNat nat;
        std::unique_ptr<std::array<Overwrites, 2>> overwrites;  ///< of an overwritable one, as sides
        bool inside_first = false;  ///< sides[0] is the inside host's; only of an editable one
        /// By Sender: packets of it wait, and nothing of it has been decided for so long.
        std::array<std::optional<TimePoint>, 2> hold_deadlines;

        [[nodiscard]] std::optional<TimePoint> hold_deadline() const;  ///< the earlier one
        [[nodiscard]] bool is_altered() const { return edited != nullptr && edited->is_altered(); }
        TimePoint idle_deadline;
        TimePoint queued;
        std::uint64_t listed = 0;            ///< its entry in candidates_
        std::optional<IpAddress> opened_by;  ///< whose share it counts against; absent if it has no place of its own
        bool begin_seen = false;             ///< a SYN
        bool restored = false;               ///< from before a restart: who opened it is not known
        bool closing = false;                ///< one FIN has been seen
        bool owes_mark = false;  ///< it is opaque, and will be marked so when nothing has to be changed any more
        std::array<Holding, kStores.size()> holdings;  ///< by Store
        std::optional<OpaqueReason> evicted;           ///< it held too much, and nobody has been told yet
    };
    using Key = FlowTuple;  ///< of the direction that comes first in order
    [[nodiscard]] static Key key_of(const FlowTuple& tuple) {
        return tuple.source < tuple.destination ? tuple : tuple.reversed();
    }
    using Connections = std::unordered_map<Key, Connection, KeyedHash>;

    void take_payload(Connection& connection, const Segment& segment, std::uint32_t sequence, bool may_take_up,
                      TimePoint now, StreamReader& reader, Outcome& outcome);
    void read(Connection& connection, const Segment& segment, std::uint32_t sequence, StreamReader& reader,
              Outcome& outcome);
    [[nodiscard]] std::optional<OpaqueReason> expire_one(const Key& key, TimePoint now, ReleaseList& releases);
    void let_go(Connection& connection, ReleaseList& releases);
    void overwrite(Connection& connection, const Segment& segment, std::uint32_t sequence, Outcome& outcome);
    void settle(Connection& connection, const FlowTuple& tuple, Sender sender, ReleaseList& releases, TimePoint now);
    void limit_wait(Connection& connection, const FlowTuple& tuple, std::optional<Sender> went_on, TimePoint now);
    [[nodiscard]] EditLimits edit_limits() const;
    [[nodiscard]] static Side& side_of(Connection& connection, const FlowTuple& tuple);
    [[nodiscard]] static Sender sender_of(const Connection& connection, const Segment& segment);
    void read_again(Connection& connection, Side& side, std::string_view bytes);
    void begin(Connection& connection, const PacketView& packet, std::uint32_t first_sequence);
    static void begin(Side& side, std::uint32_t first_sequence);
    void begin_anew(Connection& connection);
    void prepare_edits(Connection& connection, const Segment& segment, bool may_take_up);
    [[nodiscard]] bool push_edited(Connection& connection, const Segment& segment, ReleaseList& releases,
                                   Outcome& outcome);
    void begin_edited_anew(Connection& connection, Outcome& outcome);
    [[nodiscard]] static Side& edited_side(Connection& connection, Sender sender);
    [[nodiscard]] static bool take_up(Side& side, const PacketView& packet, bool allowed);
    void give_up(Connection& connection, OpaqueReason reason, Outcome& outcome);
    void on_end(Connection& connection, const PacketView& packet, TimePoint now);
    void forget_streams(Connection& connection);

    // connection_room.cpp: who has a place when there are too many
    [[nodiscard]] Connection* find_or_add(const PacketView& packet, TimePoint now, Outcome& outcome);
    [[nodiscard]] bool make_room();
    [[nodiscard]] static bool is_expendable(const Connection& connection);
    void note_handshake(Connection& connection, const Segment& segment);
    void unsettle(Connection& connection);
    void list(const Key& key, Connection& connection);
    void erase(Connections::iterator at);

    // connection_holdings.cpp: who goes when too much is held
    void account(Connection& connection, Store store);
    void hold(Connection& connection, Store store, std::size_t amount);
    [[nodiscard]] static std::size_t held_by(const Connection& connection, Store store);
    [[nodiscard]] static Key holder_of(const Connection& connection, Store store);
    void relieve(Store store, TimePoint now);
    void evict(Connection& connection, OpaqueReason reason, TimePoint now);

    /// Those that have something in a store.
    struct Holders {
        std::vector<Connection*> connections;
        std::size_t amount = 0;  ///< of all together
    };
    /// A connection that may have to go, in the order in which they came and were last looked at.
    struct Candidate {
        std::uint64_t listed = 0;
        Key key;
    };

    const Limits& limits_;
    Connections connections_;
    std::deque<Candidate> candidates_;
    std::uint64_t last_listed_ = 0;
    std::unordered_map<IpAddress, std::size_t, KeyedHash> openers_;  ///< connections with a place of their own
    Deadlines<Key> deadlines_;
    MessageStream::Spent spent_;
    std::vector<Side> forgotten_;  ///< streams given up by this segment: its messages may still point into them
    std::array<Holders, kStores.size()> holders_;  ///< by Store
    std::string payload_;                          ///< of the packet at hand as it goes on
    std::vector<std::byte> written_;               ///< the packet
};

}  // namespace messenger::alg
