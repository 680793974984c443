// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>

#include "alg/call/call_table.h"
#include "alg/call/pinhole_table.h"
#include "alg/call/planner.h"
#include "alg/call/registration.h"
#include "alg/call/session_bodies.h"
#include "alg/limits.h"
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
          planner_(policy, limits, pinholes_),
          registrations_(limits, secret) {}

    void on_message(const Passing& passing, Plan& plan);
    /// Ends what is due. witness: see PinholeTable::expire.
    void expire(TimePoint now, PinholeWitness* witness, Plan& plan);
    [[nodiscard]] std::optional<TimePoint> next_deadline() const;

    /// A pinhole that the kernel has from before a restart.
    void restore(const PinholeKey& key, Purpose purpose, const CallLabel& label, Duration remaining, TimePoint now);

    void snapshot(TimePoint now, Plan& plan) const;

    /// Forgets calls that earlier plans could still point at. To be called before a plan is filled anew.
    void release_erased() { calls_.release_erased(); }

    [[nodiscard]] const CallTable& calls() const { return calls_; }
    [[nodiscard]] PinholeTable& pinholes() { return pinholes_; }
    [[nodiscard]] const PinholeTable& pinholes() const { return pinholes_; }
    [[nodiscard]] const RegistrationTable& registrations() const { return registrations_; }

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
    void on_initial_invite(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void on_offering_request(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void on_ack(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void on_bye(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void on_cancel(const Passing& passing, Call& call, const Tags& tags);
    // invitations.cpp: Messenger's file transfers
    void on_invitation(const Passing& passing, Call& call, const Speaker& speaker, Plan& plan);
    void on_accept(const Passing& passing, Call& call, Dialog& dialog, const InvitationView& invitation, Plan& plan);
    [[nodiscard]] Call* find_call(const SipMessageView& message);
    [[nodiscard]] Call* call_of_request(const Passing& passing, Plan& plan);

    // responses.cpp
    void on_response(const Passing& passing, Plan& plan);
    void on_invite_response(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void on_initial_failure(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void on_later_response(const Passing& passing, Call& call, const Speaker& speaker, OfferId id, Plan& plan);
    static void adopt_parallel_invite(Call& call, Dialog& dialog, std::uint32_t cseq);
    [[nodiscard]] Dialog* dialog_of_response(const Passing& passing, Call& call, const Tags& tags, Plan& plan);
    void confirm(const Passing& passing, Call& call, Dialog& dialog);

    // common to both
    [[nodiscard]] static Speaker find_dialog(Call& call, const Tags& tags);
    /// The INVITE itself, by its caller and CSeq: some callers have several under way at once.
    [[nodiscard]] static Dialog* find_template(Call& call, Tag caller, std::uint32_t cseq);
    [[nodiscard]] Dialog* make_template(const Passing& passing, Call& call, Tag caller, Plan& plan) const;
    /// Notes who is at both ends of this hop.
    void note_hop(const Passing& passing, const Speaker& speaker) const;
    /// Reads the message's session descriptions and gives them to the agents at both ends of this hop.
    [[nodiscard]] bool read_description(const Passing& passing, const Call& call, Description& description,
                                        IpAddress& named, Plan& plan);
    void negotiate(const Passing& passing, Call& call, const Speaker& speaker, const Exchange& exchange, Plan& plan);
    void report_misunderstanding(const Passing& passing, Error error, Plan& plan) const;
    void report_refusal(const Passing& passing, RefuseReason reason, Plan& plan) const;
    void set_session_timer(const Passing& passing, const Call& call, Dialog& dialog) const;
    void end(Dialog& dialog, TimePoint now) const;
    void finish(Call& call, CloseReason reason, const Passing& passing, Plan& plan);

    const Policy& policy_;
    const Limits& limits_;
    CallTable calls_;
    PinholeTable pinholes_;
    Planner planner_;
    RegistrationTable registrations_;
    SessionBodies bodies_;
    std::array<char, 4096> decoded_{};  ///< of a base64 header; kept: it is large
};

}  // namespace messenger::alg
