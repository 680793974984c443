// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>

#include "alg/call/call_table.h"
#include "alg/call/callback_table.h"
#include "alg/call/hearsay.h"
#include "alg/call/pinhole_table.h"
#include "alg/call/planner.h"
#include "alg/call/registration.h"
#include "alg/call/session_bodies.h"
#include "alg/call/tls_table.h"
#include "alg/limits.h"
#include "alg/nat/binding_table.h"
#include "alg/nat/nat_path.h"
#include "alg/plan.h"
#include "alg/policy.h"
#include "alg/sdp/invitation.h"
#include "alg/sip/message.h"

namespace messenger::alg {

/// A SIP message on its way through the gateway.
struct Passing {
    const SipMessageView& message;
    FlowTuple tuple;
    TimePoint now;
    const NatPath* nat = nullptr;  ///< the inside host is hidden from the other end
    std::uint16_t flow_port = 0;   ///< the outside number of the packet's own inside port, where it is known already
    bool turned_back = false;      ///< see Description::turned_back
};

/// What messages do to calls: RFC 3261 sections 9 (CANCEL), 12 to 15 (dialogs, INVITE, BYE), RFC 3262 (PRACK), RFC 3311
/// (UPDATE), RFC 4028 (session timer). Only looks on: it follows both ends and sends nothing.
class Signalling {
   public:
    Signalling(const Policy& policy, const Limits& limits, const HashKey& secret)
        : policy_(policy),
          limits_(limits),
          calls_(limits, secret),
          pinholes_(limits, secret),
          bindings_(policy, limits, secret),
          planner_(policy, limits, calls_, pinholes_, bindings_),
          registrations_(limits, secret),
          tls_(limits, secret),
          callbacks_(limits, secret) {}

    void on_message(const Passing& passing, Plan& plan);
    /// Ends what is due. witness: see PinholeTable::expire.
    void expire(TimePoint now, PinholeWitness* witness, Plan& plan);
    [[nodiscard]] std::optional<TimePoint> next_deadline() const;

    /// A pinhole that the kernel has from before a restart.
    void restore(const PinholeKey& key, Purpose purpose, const CallLabel& label, Duration remaining, TimePoint now);

    /// A binding that the kernel has from before a restart, after the pinholes: one of a call without any is let go.
    void restore_binding(const BindingKey& key, std::uint16_t outside_port, const std::optional<CallLabel>& label,
                         Duration remaining, TimePoint now);
    /// The outside end of a pinhole that the kernel has from before a restart, after the bindings: T.120 has none, and
    /// one of several calls bears the name of one.
    void restore_outside(const PinholeKey& key, const Endpoint& outside);
    /// A TLS connection that the kernel has from before a restart, and what hides its client. Its ports are looked
    /// after with the next expire().
    void restore_tls(const FlowTuple& tuple, const IpAddress& behind, TimePoint now) {
        (void)tls_.restore(tuple, behind, now);
    }
    void restore_callback(const CallbackTable::Key& key, const std::optional<Endpoint>& outside,
                          const CallbackHolders& holders, Duration remaining, TimePoint now);

    void snapshot(TimePoint now, Plan& plan) const;

    /// NAT: gives every endpoint that a message of an inside host asks to be called at an outside number.
    void announce_contacts(const Passing& passing, Plan& plan);
    /// NAT: what the remote host knows as this inside endpoint, where a pinhole or a callback leads to it.
    [[nodiscard]] std::optional<Endpoint> outside_of(Transport transport, const Endpoint& inside,
                                                     const IpAddress& remote) const;
    // orders.cpp: what an operator asks for
    [[nodiscard]] bool close_call(std::uint64_t key, TimePoint now, Plan& plan);
    void close_blocked(TimePoint now, Plan& plan);
    [[nodiscard]] bool is_blocked(const CallbackTable::Key& key) const {
        return policy_.blocks(key.inside.address) || policy_.blocks(key.remote);
    }

    /// What came of a segment of a connection to a TLS server. behind: what hides the client, with began.
    void on_tls(const FlowTuple& tuple, TlsTable::Event event, const IpAddress& behind, TimePoint now, Plan& plan);
    [[nodiscard]] TlsTable& tls() { return tls_; }
    [[nodiscard]] const TlsTable& tls() const { return tls_; }

    /// Lets go of what earlier plans could still point at. To be called before a plan is filled anew.
    void release() { calls_.release(); }

    [[nodiscard]] const CallTable& calls() const { return calls_; }
    [[nodiscard]] PinholeTable& pinholes() { return pinholes_; }
    [[nodiscard]] const PinholeTable& pinholes() const { return pinholes_; }
    [[nodiscard]] const RegistrationTable& registrations() const { return registrations_; }
    [[nodiscard]] const BindingTable& bindings() const { return bindings_; }
    [[nodiscard]] BindingTable& bindings() { return bindings_; }
    [[nodiscard]] const CallbackTable& callbacks() const { return callbacks_; }

   private:
    struct Tags {
        Tag from;
        Tag to;
    };
    /// A dialog and the party that sent the message at hand.
    struct Speaker {
        Dialog* dialog = nullptr;
        Party party = Party::caller;
    };
    /// Which transactions a description in the message at hand can belong to: the one whose offer it answers, and the
    /// one in which it would be an offer.
    struct Exchange {
        std::optional<OfferId> answering;
        std::optional<OfferId> offering;
        bool final = false;  ///< the message ends the transaction well
    };

    // signalling.cpp: requests
    void on_request(const Passing& passing, Plan& plan);
    [[nodiscard]] Speaker meet_midway(const Passing& passing, Call& call, const Tags& tags, Plan& plan) const;
    void on_offering_request(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void on_ack(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void on_bye(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    // invites.cpp: an INVITE before it is a dialog
    /// The INVITE itself, by its caller and CSeq: some callers have several under way at once.
    [[nodiscard]] static Dialog* find_template(Call& call, Tag caller, std::uint32_t cseq);
    [[nodiscard]] Dialog* make_template(const Passing& passing, Call& call, Tag caller, Plan& plan) const;
    void add_hop(const Passing& passing, Dialog& invite) const;
    [[nodiscard]] bool is_first_hop(const Passing& passing, const Dialog& invite) const;
    void on_copy(const Passing& passing, Dialog& invite, Plan& plan) const;
    static void believe_copy(const Passing& passing, Call& call, Tag caller);
    [[nodiscard]] bool fail_hop(const Passing& passing, Dialog& invite, std::uint64_t branch) const;
    void on_initial_invite(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void on_initial_failure(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void on_cancel(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    // hearsay.cpp
    /// Remembers what an inside host is told of ports inside, whoever says it and whatever becomes of the message.
    void hear(const Passing& passing, Call& call, const Tags& tags);
    // contacts.cpp: where inside hosts are called
    void on_register(const Passing& passing, Plan& plan);
    /// False if there is no room for it. held: the registration has it already.
    bool allow_callback(const Passing& passing, const CallbackTable::Key& key, std::uint64_t user, Duration lifetime,
                        bool held, Plan& plan);
    /// Tells the kernel of a callback that has been allowed. before: what the remote knew as the inside endpoint.
    void tell_callback(const CallbackTable::Key& key, CallbackTable::Allowed allowed,
                       const std::optional<Endpoint>& before, TimePoint now, Plan& plan);
    /// NAT: what the remote knows as the inside endpoint, if there is a callback.
    [[nodiscard]] std::optional<Endpoint> outside_of(const CallbackTable::Key& key) const {
        const auto* known = callbacks_.find(key);
        return known == nullptr ? std::nullopt : known->outside;
    }
    /// user, held: see CallbackTable::sign_off.
    void sign_off(const CallbackTable::Key& key, bool held, std::uint64_t user, TimePoint now, Plan& plan);
    /// restored: what the user had before a restart, at the beginning of this message.
    void settle_restored(const RegistrationTable::Settled& settled, const CallbackTable::RestoredList& restored,
                         const Passing& passing, Plan& plan);
    /// Unless another registration needs it.
    void end_callback(const CallbackTable::Key& key, Plan& plan);
    void tell_holders(const CallbackTable::Key& key, TimePoint now, Plan& plan);
    void end_registrations(TimePoint now, Plan& plan);
    // reach.cpp: how the requests of a dialog reach inside hosts
    /// Notes who is at both ends of this hop.
    void note_hop(const Passing& passing, const Call& call, const Speaker& speaker, Plan& plan);
    /// Where the inside host wants to be called from now on, as far as the message at hand says it. True if that is
    /// not as before.
    [[nodiscard]] bool note_reach(const Passing& passing, const Call& call, const Dialog& dialog, Agent& agent,
                                  Plan& plan);
    struct LetIn {
        IpAddress behind;  ///< see Reach::behind
        TimePoint now;
    };
    /// Sees to the callbacks of the call's dialogs.
    void let_in(Call& call, TimePoint now, Plan& plan);
    /// held: the agent has the callback; it gets it if there is room.
    void hold_callback(const Call& call, const CallbackTable::Key& key, const LetIn& how, bool& held, Plan& plan);
    void shut_out(Agent& agent, Plan& plan);
    void give_up(const CallbackTable::Key& key, bool& held, Plan& plan);
    /// Whether the operator lets the call hold it.
    [[nodiscard]] bool may_hold(const Call& call, const CallbackTable::Key& key) const {
        return !call.closed_by_operator && !is_blocked(key);
    }
    /// Gives up what the operator does not let it hold any more.
    void shut_out_forbidden(Call& call, Plan& plan);
    void tell_listener(BindingTable::Listening outcome, const BindingKey& key, const Passing& passing, Plan& plan);
    void end_listeners(TimePoint now, Plan& plan);
    // invitations.cpp: Messenger's file transfers
    /// Absent if the message carries none.
    [[nodiscard]] Expected<std::optional<InvitationView>> find_invitation(const SipMessageView& message);
    /// The same; what is not understood is reported.
    [[nodiscard]] std::optional<InvitationView> read_invitation(const Passing& passing, Plan& plan);
    /// One outside of every call that is known: it passes and opens nothing.
    void on_stray_invitation(const Passing& passing, Plan& plan);
    [[nodiscard]] static bool invites_in_dialog(const SipMessageView& message);
    void on_message_in_call(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void on_invitation(const Passing& passing, Call& call, const Speaker& speaker, Plan& plan);
    void on_accept(const Passing& passing, Call& call, const Speaker& speaker, const InvitationView& invitation,
                   Plan& plan);
    void on_cancel(const Passing& passing, Call& call, Dialog& dialog, Tag cookie, Plan& plan);
    /// A dialog of which only its middle has been seen exists, as an invitation shows.
    void prolong(const Passing& passing, const Call& call, Dialog& dialog) const;
    [[nodiscard]] Call* find_call(const SipMessageView& message, std::uint64_t key);
    [[nodiscard]] Call* call_of_request(const Passing& passing, Plan& plan);

    // fixed_ranges.cpp: what is open for a host although nothing announces it
    struct FixedHold {
        FixedHost fixed;
        std::optional<TimePoint> until;  ///< absent: no longer
        bool may_shorten = false;
        bool others = false;  ///< need them, too
        FlowTuple asked;      ///< of the inside host
        TimePoint now;
    };
    void hold_fixed(const FixedHold& hold, Plan& plan);
    void expire_tls(TimePoint now, PinholeWitness* witness, Plan& plan);
    /// lifetime: of the registration; 0 if it has ended.
    void follow_registration(const Passing& passing, Duration lifetime, Plan& plan);
    /// A registration of the host has ended. If it was the last: until when at most its ports are open.
    void close_fixed_of_nobody(const IpAddress& host, TimePoint end);
    static void restore_fixed(const CallLabel& label, const IpAddress& host, Dialog& dialog, TimePoint now);

    // responses.cpp
    void on_response(const Passing& passing, Plan& plan);
    void on_invite_response(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void on_later_response(const Passing& passing, Call& call, const Speaker& speaker, OfferId id, Plan& plan);
    static void adopt_parallel_invite(Call& call, Dialog& dialog, std::uint32_t cseq);
    [[nodiscard]] Dialog* dialog_of_response(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void confirm(const Passing& passing, Call& call, Dialog& dialog);

    // common to both
    [[nodiscard]] static Speaker find_dialog(Call& call, const Tags& tags);
    /// Somebody outside whom nobody in the dialog has named. He may have got hold of its tags, so nothing that he says
    /// is believed before an inside host has answered him.
    [[nodiscard]] bool is_stranger(const Passing& passing, const Dialog& dialog) const;
    /// The same, and it is reported.
    [[nodiscard]] bool turn_away(const Passing& passing, const Dialog& dialog, Plan& plan) const;
    /// Reads the message's session descriptions and gives them to the agents at both ends of this hop.
    [[nodiscard]] bool read_description(const Passing& passing, Call& call, Description& description, IpAddress& named,
                                        Plan& plan);
    [[nodiscard]] Agent* note_listener(const Passing& passing, Dialog& dialog, Party party, const Exchange& exchange,
                                       const IpAddress& named) const;
    /// A transaction has ended well: what it offered holds.
    static void settle(const Passing& passing, Dialog& dialog, const Exchange& exchange);
    /// It has failed.
    static void take_back(Dialog& dialog, OfferId id);
    /// What the agent has agreed on takes the place of what its host had from before a restart.
    void replace_restored(Dialog& dialog, const Agent& agent) const;
    void negotiate(const Passing& passing, Call& call, const Speaker& speaker, const Exchange& exchange, Plan& plan);
    /// Filled in as far as the message says it.
    [[nodiscard]] static RefuseEvent refusal(const Passing& passing, RefuseReason reason);
    /// Tells of a session's kind, once in each call. call may be null: an invitation outside of calls.
    static void report_session(const Passing& passing, Call* call, SessionKind kind, std::string_view what, Plan& plan);
    void report_misunderstanding(const Passing& passing, Error error, Plan& plan) const;
    void report_refusal(const Passing& passing, RefuseReason reason, Plan& plan) const;
    void set_session_timer(const Passing& passing, const Call& call, Dialog& dialog) const;
    void end(Dialog& dialog, TimePoint now, Plan& plan);
    void restore_holder(const BindingKey& key, std::uint16_t outside_port, std::uint64_t holder);
    void relabel(Call& call, TimePoint now, Plan& plan);
    void finish(Call& call, CloseReason reason, const Passing& passing, Plan& plan);
    /// A pinhole of the call has ended by itself: if it was the last one of its media, most likely a BYE went another
    /// way.
    void fall_silent(Call& call, PortRole role, TimePoint now);
    /// Whether a dialog whose deadline has come goes on.
    [[nodiscard]] bool goes_on(const Call& call, Dialog& dialog, TimePoint now) const;

    const Policy& policy_;
    const Limits& limits_;
    CallTable calls_;
    PinholeTable pinholes_;
    BindingTable bindings_;
    Planner planner_;
    RegistrationTable registrations_;
    TlsTable tls_;
    CallbackTable callbacks_;
    SessionBodies bodies_;
    std::array<char, 4096> decoded_{};  ///< of a base64 header; kept: it is large
};

}  // namespace messenger::alg
