// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include <boost/container/small_vector.hpp>

#include "alg/call/fixed_ports.h"
#include "alg/call/offer_answer.h"
#include "alg/net/tuple.h"
#include "alg/plan.h"

namespace messenger::alg {

/// A tag reduced to a number that is the same after a restart; 0 is "no tag".
using Tag = std::uint64_t;
[[nodiscard]] Tag make_tag(std::string_view text);
/// A client transaction, from a top Via: sent-by and branch (RFC 3261 section 17.1.3), which are the same in request
/// and response. Old clients send no branch. 0 if there is no Via that can be read.
[[nodiscard]] std::uint64_t make_branch(std::string_view top_via);
/// A Call-ID likewise.
[[nodiscard]] std::uint64_t make_call_key(std::string_view call_id);

/// A file transfer of Messenger's (text/x-msmsgsinvite). Its cookie ties the messages together.
struct Transfer {
    Tag cookie = 0;
    std::optional<Endpoint> listener;  ///< of the inside host that waits for the other's TCP connection
    IpAddress peer;                    ///< where it comes from, as far as an SDP of the same call said; else 0.0.0.0
    IpAddress behind;                  ///< see Description::behind

    /// Of what it needs; listener must be known.
    [[nodiscard]] PinholeKey pinhole() const { return {Transport::tcp, peer.is_unspecified(), *listener, peer}; }
};

/// Where an inside host wants the requests of its dialog, and who may send them there on a flow of their own: the host
/// with which it has exchanged the dialog's messages, and the peer itself where no proxy stays on the way (RFC 3261
/// sections 12.1 and 12.2.1.1). See reach.cpp.
struct Reach {
    Transport transport = Transport::udp;
    std::uint16_t port = 0;       ///< of its own Contact; 0 before it has named one
    IpAddress behind;             ///< NAT: the address outside that hides it; else 0.0.0.0
    IpAddress neighbour;          ///< outside; 0.0.0.0 before
    IpAddress peer;               ///< likewise; 0.0.0.0 where it speaks through the neighbour
    bool routed = true;           ///< a proxy stays on the way, as far as is known
    bool lets_neighbour = false;  ///< has a callback for it
    bool lets_peer = false;
    bool operator==(const Reach&) const = default;
};

/// The address in a session description that may still be refused.
struct OfferedPeer {
    OfferId offer;
    IpAddress address;
};

/// An inside host that takes part in a dialog, for one of the parties. A proxy or B2BUA inside acts for both, hence the
/// two of them are told apart. Its offer/answer state pairs what it announced with what was announced to it, so that a
/// proxy which changes the SDP on the way, and one that the gateway sees twice, both come out right.
struct Agent {
    IpAddress host;
    Party acts_for = Party::caller;
    OfferAnswer negotiation;
    IpAddress peer;  ///< named by the session description for this host that holds; 0.0.0.0 before
    std::optional<OfferedPeer> offered_peer;  ///< takes its place if the transaction ends well
    Reach reach;
};

/// A client transaction by which an INVITE comes to the gateway for the first time on its way. There are several where
/// a proxy before the gateway forks, and where the caller tries one server after the other (RFC 3263 section 4.3).
struct FirstHop {
    enum class State : std::uint8_t {
        trying,
        answered,
        failed,
        cancelled,  ///< has been asked to end; may have been answered before that
        copy,       ///< from a stranger, to a host that has the INVITE; the host has not answered it yet
    };
    std::uint64_t branch = 0;  ///< make_branch()
    IpAddress sender;
    State state = State::trying;
};

/// A dialog of a call (RFC 3261 section 12), or the INVITE that may still become several (forking: section 13.2.2.4).
struct Dialog {
    enum class State : std::uint8_t {
        inviting,  ///< the INVITE itself, callee's tag unknown; what later dialogs start from
        early,
        confirmed,
        ended,  ///< kept until retransmissions have ceased, so that a late 200 opens nothing
    };
    State state = State::inviting;
    Tag caller_tag = 0;
    Tag callee_tag = 0;
    std::uint32_t invite_cseq = 0;  ///< of the INVITE that created it
    std::uint32_t caller_cseq = 0;  ///< the highest seen in a request of each party
    std::uint32_t callee_cseq = 0;
    /// Of the INVITE itself; empty in the dialogs that come of it. What ends at all of them ends all. A proxy behind
    /// the gateway has client transactions of its own towards those that it tries, which may fail or be cancelled
    /// alone.
    boost::container::small_vector<FirstHop, 1> first_hops;
    std::uint64_t first_branch = 0;  ///< of a dialog: the first hop that it came by; 0 while that is not clear
    std::uint64_t own_branch = 0;    ///< of the hop where the callee was first heard
    bool cancelled = false;
    bool quiet = false;  ///< its media have fallen silent: at the deadline it ends unless something has been said since
    TimePoint deadline;  ///< when it ends by itself
    CloseReason deadline_reason = CloseReason::expired;
    TimePoint reach_due = TimePoint::max();  ///< when its callbacks are to be seen to
    boost::container::small_vector<Agent, 1>
        agents;  ///< more where a proxy is inside, or both parties are; 1.4 kB each
    /// Addresses that a BYE may come from or go to beside the agents: signalling neighbours, Contacts, media addresses.
    boost::container::small_vector<IpAddress, 4> peers;
    boost::container::small_vector<Transfer, 0> transfers;
    /// Pinholes taken over from before a restart. They hold until a new offer and answer say otherwise.
    boost::container::small_vector<PinholeKey, 0> restored;
    std::optional<FixedHost> fixed_for;  ///< its fixed ports are wanted until the deadline
    std::uint64_t restored_key = 0;      ///< dialog_key() from before the restart; the tags come with the next message

    [[nodiscard]] bool alive() const { return state != State::ended; }
    /// Whether the INVITE that it comes from has no final answer yet.
    [[nodiscard]] bool waiting() const { return state == State::inviting || state == State::early; }
    /// Whether what happens to the client transaction `branch` happens to this dialog; not for the INVITE itself.
    [[nodiscard]] bool on_branch(std::uint64_t branch) const { return branch == first_branch || branch == own_branch; }
    [[nodiscard]] FirstHop* find_hop(std::uint64_t branch);
    /// Whether an answer can still come that nobody has asked not to.
    [[nodiscard]] bool is_tried() const;
    /// Whether a 2xx has come by one of the first hops.
    [[nodiscard]] bool is_answered() const;
    /// The agent, made if there is none; nullptr if there are too many.
    [[nodiscard]] Agent* agent(const IpAddress& host, Party party);
    [[nodiscard]] bool has_host(const IpAddress& host) const;
    /// Where the media of that inside host's peer come from, as far as an SDP said so, before a restart or after; else
    /// 0.0.0.0.
    [[nodiscard]] IpAddress peer_of(const IpAddress& host, Party party) const;
    void add_peer(const IpAddress& peer);
    /// The same for an address that media are announced at. However many a description lists (ICE), there is room left
    /// for a proxy that an answer names later.
    void add_media_peer(const IpAddress& peer);
    /// Whether somebody in the dialog is that host, or has named it. What was taken over from before a restart knows no
    /// peers: there the tags alone decide.
    [[nodiscard]] bool knows(const IpAddress& host) const;
    /// Whether a request between these two can be the dialog's own.
    [[nodiscard]] bool knows(const FlowTuple& tuple) const {
        return knows(tuple.source.address) && knows(tuple.destination.address);
    }
};

/// CallLabel::dialog of a pair of tags, whichever comes first.
[[nodiscard]] std::uint64_t dialog_key(Tag left, Tag right);

}  // namespace messenger::alg
