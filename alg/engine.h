// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alg/base/time.h"
#include "alg/call/signalling.h"
#include "alg/counters.h"
#include "alg/limits.h"
#include "alg/message_rate.h"
#include "alg/nat/message_rewriter.h"
#include "alg/nat/nat_path.h"
#include "alg/net/hash.h"
#include "alg/net/packet_writer.h"
#include "alg/plan.h"
#include "alg/policy.h"
#include "alg/sip/connection_table.h"

namespace messenger::alg {

/// What is known about a packet beside its bytes.
struct PacketContext {
    bool sip_marked = false;       ///< the TCP connection carries FlowMark::sip from before
    const NatPath* nat = nullptr;  ///< it goes out by an interface that hides the inside hosts, or came in by one
    /// Asked before the first edit of a flow; absent: every flow with a NatPath is translated.
    FlowTranslations* translations = nullptr;
    /// The packet waits for its verdict: TCP packets of a NatPath may be held. Not in a capture, where edits are only
    /// reported.
    bool in_queue = false;
    bool observed = false;  ///< nothing is to be changed but what an earlier edit makes necessary
    PacketToken token = 0;  ///< its name in Plan::releases; only with in_queue
};

/// Where the first packet of a flow leads that a pinhole or a callback admits.
struct Admission {
    FlowTuple from_remote;            ///< remote host to inside host, whichever of them sent the packet
    std::optional<Endpoint> outside;  ///< NAT: what the remote host sends to
    bool signalling = false;          ///< a callback: it is read, and no pinhole cuts it
    bool refused = false;             ///< a pinhole is there, but has had its connection: the packet must not go on
};

/// The whole of alg behind one door: packets and a time in, plans out. The same engine runs in the daemon and over
/// captures. Not thread-safe; makes no system call; its memory is bounded by Limits.
class Engine final : private StreamReader {
   public:
    /// secret: from a random source, so that nobody can fill one bucket of a table.
    Engine(const Policy& policy, const Limits& limits, const HashKey& secret);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    Engine(Engine&&) = delete;
    Engine& operator=(Engine&&) = delete;
    ~Engine() override = default;

    /// One IP packet on its way through. plan is cleared first; its views point into the packet and into the engine,
    /// and live until the next call.
    void on_packet(std::span<const std::byte> packet, const PacketContext& context, TimePoint now, Plan& plan);
    void on_packet(std::span<const std::byte> packet, bool sip_marked, TimePoint now, Plan& plan) {
        PacketContext context;
        context.sip_marked = sip_marked;
        on_packet(packet, context, now, plan);
    }

    /// A packet that is no signalling, in a capture: keeps the pinhole alive that admits it. True if one does. tcp:
    /// only of TCP.
    bool on_media(const FlowTuple& tuple, const TcpFields& tcp, TimePoint now) {
        return signalling_.pinholes().on_packet(tuple, tcp, now) == PinholeTable::Passage::allowed;
    }

    /// The first packet of a flow, as it arrives (so with the outside address as its destination if that hides the
    /// inside host). Absent: nothing admits it.
    [[nodiscard]] std::optional<Admission> find_admission(const FlowTuple& tuple) const;
    /// The same, and it counts: a pinhole that is for one connection admits one, and ends with it. Also for the packets
    /// that end a connection (FIN, RST). plan is cleared first; it holds what there is to say.
    [[nodiscard]] std::optional<Admission> admit(const FlowTuple& tuple, const TcpFields& tcp, TimePoint now,
                                                 Plan& plan);

    /// When expire() has to be called next; absent when nothing waits.
    [[nodiscard]] std::optional<TimePoint> next_expiry() const;
    /// Ends what is due. witness: what the kernel knows of the pinholes; absent for captures.
    void expire(TimePoint now, PinholeWitness* witness, Plan& plan);

    /// A pinhole found in the kernel at start: its call goes on.
    void restore(const PinholeKey& key, Purpose purpose, const CallLabel& label, Duration remaining, TimePoint now) {
        signalling_.restore(key, purpose, label, remaining, now);
    }
    /// A binding found in the kernel at start, after the pinholes. label: of the call that holds it; absent for that of
    /// a Contact.
    void restore_binding(const BindingKey& key, std::uint16_t outside_port, const std::optional<CallLabel>& label,
                         Duration remaining, TimePoint now) {
        signalling_.restore_binding(key, outside_port, label, remaining, now);
    }
    /// Likewise the outside end of a pinhole that has no binding: T.120's, which keeps its number.
    void restore_outside(const PinholeKey& key, const Endpoint& outside) { signalling_.restore_outside(key, outside); }
    /// Likewise a callback.
    void restore_callback(const CallbackTable::Key& key, const std::optional<Endpoint>& outside,
                          const CallbackHolders& holders, Duration remaining, TimePoint now) {
        signalling_.restore_callback(key, outside, holders, remaining, now);
    }

    /// Likewise a TLS connection. behind: what hides its client; 0.0.0.0 if nothing does.
    void restore_tls(const FlowTuple& tuple, const IpAddress& behind, TimePoint now) {
        signalling_.restore_tls(tuple, behind, now);
    }

    /// Everything that is open, as additions with what is left of their time: what the kernel must have after it lost
    /// its table.
    void snapshot(TimePoint now, Plan& plan) {
        signalling_.release();
        signalling_.snapshot(now, plan);
    }

    /// Closes what a call has open, and opens nothing more for it: an operator's order. The call itself goes on, for
    /// nothing is sent to those who speak. Nothing of it is in the kernel, so it does not outlast a restart. False if
    /// no such call lives.
    [[nodiscard]] bool close_call(std::uint64_t key, TimePoint now, Plan& plan);
    /// Closes what is open for hosts that the policy blocks by now.
    void close_blocked(TimePoint now, Plan& plan);

    /// The new policy holds for what comes; what is open stays.
    void set_policy(const Policy& policy) { policy_ = policy; }
    [[nodiscard]] const Policy& policy() const { return policy_; }

    [[nodiscard]] bool is_sip_port(const FlowTuple& tuple) const;
    [[nodiscard]] const Counters& counters() const { return counters_; }
    [[nodiscard]] const CallTable& calls() const { return signalling_.calls(); }
    [[nodiscard]] const PinholeTable& pinholes() const { return signalling_.pinholes(); }
    [[nodiscard]] const RegistrationTable& registrations() const { return signalling_.registrations(); }
    [[nodiscard]] const BindingTable& bindings() const { return signalling_.bindings(); }
    [[nodiscard]] const CallbackTable& callbacks() const { return signalling_.callbacks(); }
    [[nodiscard]] const TlsTable& tls() const { return signalling_.tls(); }
    [[nodiscard]] std::size_t connections() const { return connections_.size(); }
    /// The TCP connections whose messages were edited, for a restart: see ConnectionTable.
    [[nodiscard]] bool has_edited(const FlowTuple& tuple) const { return connections_.has_edited(tuple); }
    void save_connections(std::vector<std::byte>& to) const { connections_.save(to); }
    [[nodiscard]] std::size_t load_connections(std::span<const std::byte> from, TimePoint now) {
        return connections_.load(from, now);
    }

   private:
    /// A message, and what is known about the flow that carries it.
    struct Arrival {
        FlowTuple tuple;
        TimePoint now;
        const NatPath* nat = nullptr;  ///< absent too if the flow is not translated, or not to be edited
        std::uint16_t flow_port = 0;   ///< see Passing
        bool outbound = false;
        bool declines = false;  ///< compression, see may_decline()
    };

    void on_datagram(std::span<const std::byte> packet, const PacketView& view, const PacketContext& context,
                     TimePoint now, Plan& plan);
    void on_segment(std::span<const std::byte> packet, const PacketView& view, const PacketContext& context,
                    TimePoint now, Plan& plan);
    /// A segment between an inside host and its TLS server.
    void on_tls(const PacketView& view, const PacketContext& context, TimePoint now, Plan& plan);
    [[nodiscard]] bool is_from_tls_client(const FlowTuple& tuple) const;
    [[nodiscard]] bool is_tls(const FlowTuple& tuple) const;
    // StreamReader, for the segment at hand
    [[nodiscard]] std::optional<OpaqueReason> on_message(std::string_view message, MessageEdits* edits) override;
    [[nodiscard]] bool on_head(std::string_view head, MessageEdits& edits) override;
    void on_too_large() override;

    [[nodiscard]] bool may_decline(const PacketContext& context, const FlowTuple& tuple) const;
    void decline_offer(const Arrival& arrival);

    // nat_engine.cpp
    [[nodiscard]] bool may_edit(const PacketContext& context, const FlowTuple& tuple) const;
    [[nodiscard]] FlowNat find_path(const PacketContext& context, const FlowTuple& tuple, std::uint16_t& flow_port);
    [[nodiscard]] bool turn_back(const Arrival& arrival, Plan& plan);
    void edit_outbound(const Arrival& arrival, Plan& plan);
    void edit_head(const Arrival& arrival, Plan& plan);
    [[nodiscard]] std::optional<std::uint16_t> outbound_via_port(const Arrival& arrival) const;
    [[nodiscard]] std::optional<std::uint16_t> inbound_via_port(const Arrival& arrival) const;
    void report_edits(const Arrival& arrival, Plan& plan);
    [[nodiscard]] std::string& next_text();

    [[nodiscard]] bool read_message(std::string_view text, Arrival arrival, Plan& plan);
    void refuse(RefuseReason reason, Error error, const FlowTuple& tuple, Plan& plan);

    Policy policy_;
    Limits limits_;
    Counters counters_;
    SipMessageView message_;   ///< kept: it is large
    bool compressed_ = false;  ///< what follows the message that was read last cannot be read
    bool declined_ = false;    ///< that message offers to compress the connection, in vain
    ConnectionTable connections_;
    Signalling signalling_;
    MessageRate rate_;

    MessageRewriter rewriter_;
    EditList edits_;                       ///< of the message at hand
    std::deque<EditList> reported_edits_;  ///< of the messages of the packet at hand; plans point at them
    std::size_t reported_used_ = 0;
    IpIdentifiers identifiers_;
    std::deque<std::string> texts_;  ///< messages of the packet at hand as they go on; plans point into them
    std::size_t texts_used_ = 0;
    std::vector<std::byte> written_;  ///< the packet at hand as it goes on

    // Of the segment at hand, for StreamReader.
    struct {
        const PacketContext* context = nullptr;
        const FlowTuple* tuple = nullptr;
        Plan* plan = nullptr;
        TimePoint now;
    } at_hand_;
};

}  // namespace messenger::alg
