// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/offer_answer.h"

#include <utility>

namespace messenger::alg {

void OfferAnswer::on_offer(OfferId id, bool from_local, Description offer) {
    if (settled_ == id) return;  // a retransmission of what has been negotiated
    if (pending_ && pending_->id == id && pending_->from_local == from_local) {
        pending_->offer = std::move(offer);
        return;
    }
    if (pending_ && !pending_->answer.empty()) promote();
    pending_ = Pending{id, from_local, std::move(offer), {}};
}

void OfferAnswer::on_answer(OfferId id, bool from_local, Description answer, bool final) {
    if (!pending_ || pending_->id != id || pending_->from_local == from_local) return;
    pending_->answer = std::move(answer);
    if (final) promote();
}

void OfferAnswer::on_success(OfferId id) {
    if (!has_pending(id)) return;
    if (pending_->answer.empty()) return;  // the offer came in this 2xx; its answer will be in the ACK
    promote();
}

void OfferAnswer::on_failure(OfferId id) {
    if (has_pending(id)) pending_.reset();
}

std::optional<OfferAnswer::PairView> OfferAnswer::pending() const {
    if (!pending_) return std::nullopt;
    const Description& local = pending_->from_local ? pending_->offer : pending_->answer;
    const Description& remote = pending_->from_local ? pending_->answer : pending_->offer;
    return PairView{local.empty() ? agreed_.local : local, remote.empty() ? agreed_.remote : remote};
}

void OfferAnswer::promote() {
    Pending& p = *pending_;
    Description& local = p.from_local ? p.offer : p.answer;
    Description& remote = p.from_local ? p.answer : p.offer;
    // Old-style hold says 0.0.0.0: the address and port before it still hold, or the stream could not be taken up
    // again.
    const auto keep_through_hold = [](Description& fresh, const Description& old) {
        for (Stream& stream : fresh.streams) {
            if (stream.port == 0 || stream.obstacle || !stream.address.is_unspecified()) continue;
            if (const Stream* before = old.find(stream.slot); before != nullptr && before->port != 0) {
                stream.address = before->address;
                stream.rtcp_address = before->rtcp_address;
                stream.permitted = before->permitted;
                stream.direction = MediaDirection::inactive;
            }
        }
    };
    keep_through_hold(local, agreed_.local);
    keep_through_hold(remote, agreed_.remote);
    agreed_.local = std::move(local);
    agreed_.remote = std::move(remote);
    settled_ = p.id;
    pending_.reset();
}

}  // namespace messenger::alg
