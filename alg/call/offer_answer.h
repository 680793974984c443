// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "alg/call/description.h"
#include "alg/sip/message.h"

namespace messenger::alg {

/// Which transaction an offer travels in: its answer comes with the same CSeq.
struct OfferId {
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

    /// A new offer, or the same one again. A pending offer that has its answer already is taken for agreed then: in an
    /// early dialog UPDATE comes after the INVITE's offer was answered, and before the INVITE itself ends.
    void on_offer(OfferId id, bool from_local, Description offer);

    /// The answer to the offer in transaction id, from the side that did not offer. final: it ends the transaction (a
    /// 2xx, or ACK); otherwise (18x, PRACK) a failure still takes it back. An answer to no offer is ignored.
    void on_answer(OfferId id, bool from_local, Description answer, bool final);

    /// The transaction succeeded; what it negotiated holds. No-op if it negotiated nothing.
    void on_success(OfferId id);

    /// The transaction failed: back to the agreed pair.
    void on_failure(OfferId id);

    [[nodiscard]] const Pair& agreed() const { return agreed_; }
    [[nodiscard]] bool has_agreed() const { return !agreed_.local.empty() && !agreed_.remote.empty(); }

    /// What is under negotiation, as a pair: where there is no answer yet, the other side is the agreed one. Absent
    /// when nothing is.
    [[nodiscard]] std::optional<PairView> pending() const;
    [[nodiscard]] bool has_pending(OfferId id) const { return pending_ && pending_->id == id; }
    /// Whether a description from this side would be the answer in that transaction, the first one or one said again.
    [[nodiscard]] bool awaits_answer(OfferId id, bool from_local) const {
        return has_pending(id) && pending_->from_local != from_local;
    }
    /// Whether the offer under negotiation came from this side and has no answer.
    [[nodiscard]] bool offered_by(bool local) const {
        return pending_ && pending_->from_local == local && pending_->answer.empty();
    }

   private:
    struct Pending {
        OfferId id;
        bool from_local = false;
        Description offer;
        Description answer;
    };
    void promote();

    Pair agreed_;
    std::optional<Pending> pending_;
    /// The transaction that the agreed pair came from, and its offerer: its answer may be said again (a 200 after a
    /// reliable 18x, retransmissions), and an old offer must not come back to life.
    std::optional<OfferId> settled_;
};

}  // namespace messenger::alg
