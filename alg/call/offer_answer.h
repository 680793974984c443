// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "alg/call/description.h"
#include "alg/sip/message.h"

namespace messenger::alg {

/// Who speaks: the party whose tag was From in the first INVITE, or the one that it called.
enum class Party : std::uint8_t { caller, callee };

[[nodiscard]] constexpr Party other(Party party) {
    return party == Party::caller ? Party::callee : Party::caller;
}

/// Which transaction an offer travels in: its answer comes with the same CSeq. The CSeq numbers of the two parties have
/// nothing to do with each other (RFC 3261 section 12.2.1.1), so that the requester belongs to it.
struct OfferId {
    Party requester = Party::caller;
    Method method = Method::invite;  ///< invite, update or prack
    std::uint32_t cseq = 0;
    bool operator==(const OfferId&) const = default;
};

/// The offer/answer state of one inside host in one dialog (RFC 3264; RFC 3261 section 13.2.1, RFC 3262 section 5, RFC
/// 3311 section 5). "local" is what the inside host announced, "remote" what was announced to it.
///
/// What holds at a moment is the agreed pair, and beside it what is under negotiation: both must work until the
/// transaction ends, and the agreed pair alone is left if it fails (RFC 3264 section 8.3.1, RFC 3261 section 14.1).
class OfferAnswer {
   public:
    struct Pair {
        Description local;
        Description remote;
    };
    /// The same, borrowed from this object until its next change.
    struct PairView {
        const Description& local;
        const Description& remote;
    };

    /// A new offer, or the same one again; one of a transaction that is over is ignored. A pending offer that has its
    /// answer already is taken for agreed then: in an early dialog UPDATE comes after the INVITE's offer was answered,
    /// and before the INVITE itself ends.
    void on_offer(OfferId id, bool from_local, Description offer);

    /// The remote offer of somebody who may have got hold of the dialog's tags (Signalling::is_stranger). It takes
    /// nobody's place, and counts when he is believed.
    void on_strange_offer(OfferId id, Description offer);

    /// The inside host has answered that sender with a success: what he has offered is an offer like any other.
    void believe(OfferId id, const IpAddress& sender);

    /// The answer to the offer in transaction id, from the side that did not offer. final: it ends the transaction (a
    /// 2xx, or ACK); otherwise (18x, PRACK) a failure still takes it back. An answer to no offer is ignored.
    void on_answer(OfferId id, bool from_local, Description answer, bool final);

    /// The transaction succeeded; what it negotiated holds. No-op if it negotiated nothing.
    void on_success(OfferId id);

    /// The transaction failed: back to the agreed pair.
    void on_failure(OfferId id);

    [[nodiscard]] const Pair& agreed() const { return agreed_; }
    [[nodiscard]] bool has_agreed() const { return !agreed_.local.empty() && !agreed_.remote.empty(); }

    /// What is under negotiation in a transaction of that requester, as a pair: where there is no answer yet, the other
    /// side is the agreed one. Absent when nothing is, and for a remote offer without answer: the inside host has not
    /// agreed to anything yet. Both parties may have an offer out at once (RFC 3261 section 14.2: glare); which of them
    /// fails is known later.
    [[nodiscard]] std::optional<PairView> pending(Party requester) const;
    /// Takes over the offer that another one has under way in that transaction, if it has.
    void adopt(const OfferAnswer& other, OfferId id);
    [[nodiscard]] bool has_pending(OfferId id) const {
        const auto& pending = slot(id.requester);
        return pending && pending->id == id;
    }
    /// Whether a description from this side would be the answer in that transaction, the first one or one said again.
    [[nodiscard]] bool awaits_answer(OfferId id, bool from_local) const {
        return has_pending(id) && slot(id.requester)->from_local != from_local;
    }
    /// Whether the other side has said anything yet that goes with an offer of this one: then it is known where its
    /// media come from.
    [[nodiscard]] bool has_answer() const;

    /// Leaves out what is more than `room` streams, the last first, and takes from `room` what it has kept. False if
    /// something had to go.
    bool fit(std::size_t& room);
    /// How many streams it knows, of both sides.
    [[nodiscard]] std::size_t streams() const;

    /// Gives `io` everything that it holds, always in the same order, to be written down or filled in (call_record.h).
    template <class Io>
    void fields(Io& io) {
        auto& [agreed, pending, strange, open_from] = *this;
        auto& [local, remote] = agreed;
        io(local, remote, pending, strange, open_from);
    }

   private:
    struct Pending {
        OfferId id;
        bool from_local = false;
        Description offer;
        Description answer;
        template <class Io>
        void fields(Io& io) {
            auto& [transaction, offered_by_local, offered, answered] = *this;
            io(transaction, offered_by_local, offered, answered);
        }
    };
    struct StrangeOffer {
        OfferId id;
        Description offer;
        template <class Io>
        void fields(Io& io) {
            auto& [transaction, offered] = *this;
            io(transaction, offered);
        }
    };
    void promote(std::optional<Pending>& pending);
    void close(OfferId id);
    [[nodiscard]] std::optional<Pending>& slot(Party requester) {
        return pending_[static_cast<std::size_t>(requester)];
    }
    [[nodiscard]] const std::optional<Pending>& slot(Party requester) const {
        return pending_[static_cast<std::size_t>(requester)];
    }

    Pair agreed_;
    std::array<std::optional<Pending>, 2> pending_;  ///< by requester
    std::optional<StrangeOffer> strange_;            ///< the last one
    /// By requester, the lowest CSeq of a negotiation that is not over yet, well or not. What came before may be said
    /// again (a 200 after a reliable 18x, retransmissions), and an old offer must not come back to life.
    std::array<std::uint32_t, 2> open_from_{};
};

}  // namespace messenger::alg
