// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/offer_answer.h"

#include <algorithm>
#include <utility>

namespace messenger::alg {

void OfferAnswer::on_offer(OfferId id, bool from_local, Description offer) {
    if (id.cseq < open_from_[static_cast<std::size_t>(id.requester)]) return;
    std::optional<Pending>& pending = slot(id.requester);
    if (pending && pending->id == id && pending->from_local == from_local) {
        pending->offer = std::move(offer);
        return;
    }
    for (auto& before : pending_) {
        if (before && !before->answer.empty()) promote(before);
    }
    pending = Pending{id, from_local, std::move(offer), {}};
}

void OfferAnswer::on_strange_offer(OfferId id, Description offer) {
    strange_ = StrangeOffer{id, std::move(offer)};
}

void OfferAnswer::believe(OfferId id, const IpAddress& sender) {
    if (!strange_ || strange_->id != id || strange_->offer.delivered_by != sender) return;
    on_offer(id, false, std::move(strange_->offer));
    strange_.reset();
}

void OfferAnswer::on_answer(OfferId id, bool from_local, Description answer, bool final) {
    if (!awaits_answer(id, from_local)) return;
    std::optional<Pending>& pending = slot(id.requester);
    pending->answer = std::move(answer);
    if (final) promote(pending);
}

void OfferAnswer::on_success(OfferId id) {
    if (!has_pending(id)) return;
    std::optional<Pending>& pending = slot(id.requester);
    if (pending->answer.empty()) return;  // the offer came in this 2xx; its answer will be in the ACK
    promote(pending);
}

void OfferAnswer::on_failure(OfferId id) {
    if (!has_pending(id)) return;
    slot(id.requester).reset();
    close(id);
}

void OfferAnswer::adopt(const OfferAnswer& other, OfferId id) {
    if (!other.has_pending(id) || has_pending(id)) return;
    const Pending& pending = *other.slot(id.requester);
    on_offer(id, pending.from_local, pending.offer);
}

std::optional<OfferAnswer::PairView> OfferAnswer::pending(Party requester) const {
    const std::optional<Pending>& pending = slot(requester);
    if (!pending) return std::nullopt;
    // What the other side offers opens nothing before the inside host has answered.
    if (!pending->from_local && pending->answer.empty()) return std::nullopt;
    const Description& local = pending->from_local ? pending->offer : pending->answer;
    const Description& remote = pending->from_local ? pending->answer : pending->offer;
    return PairView{local.empty() ? agreed_.local : local, remote.empty() ? agreed_.remote : remote};
}

bool OfferAnswer::has_answer() const {
    return has_agreed() || std::any_of(pending_.begin(), pending_.end(), [](const std::optional<Pending>& pending) {
               return pending && !pending->answer.empty();
           });
}

bool OfferAnswer::fit(std::size_t& room) {
    bool all = true;
    // One side is nothing without the other, so neither takes more than half from it.
    const auto fit_in = [&](Description& one, Description& other) {
        all = all && one.streams.size() + other.streams.size() <= room;
        one.keep(room - std::min(other.streams.size(), room / 2));
        room -= one.streams.size();
        other.keep(room);
        room -= other.streams.size();
    };
    fit_in(agreed_.local, agreed_.remote);
    for (std::optional<Pending>& pending : pending_) {
        if (pending) fit_in(pending->offer, pending->answer);
    }
    if (strange_) {
        Description unanswered;
        fit_in(strange_->offer, unanswered);
    }
    return all;
}

std::size_t OfferAnswer::streams() const {
    std::size_t count = agreed_.local.streams.size() + agreed_.remote.streams.size();
    for (const std::optional<Pending>& pending : pending_) {
        if (pending) count += pending->offer.streams.size() + pending->answer.streams.size();
    }
    if (strange_) count += strange_->offer.streams.size();
    return count;
}

void OfferAnswer::close(OfferId id) {
    std::uint32_t& open_from = open_from_[static_cast<std::size_t>(id.requester)];
    open_from = std::max(open_from, id.cseq + 1);  // CSeq is below 2^31
}

void OfferAnswer::promote(std::optional<Pending>& pending) {
    Pending& p = *pending;
    Description& local = p.from_local ? p.offer : p.answer;
    Description& remote = p.from_local ? p.answer : p.offer;
    // Old-style hold says 0.0.0.0: the address and port before it still hold, or the stream could not be taken up
    // again.
    const auto keep_through_hold = [](Description& fresh, const Description& old) {
        for (Stream& stream : fresh.streams) {
            if (stream.port == 0 || stream.obstacle || !stream.address.is_unspecified()) continue;
            const Stream* before = old.find(stream.slot);
            // What comes in place of another kind of media has a port of its own, or none.
            if (before != nullptr && before->port != 0 && before->role == stream.role) {
                stream.address = before->address;
                stream.rtcp_address = before->rtcp_address;
                stream.port = before->port;
                stream.rtcp_port = before->rtcp_port;
                stream.port_count = before->port_count;
                stream.rtcp_mux = before->rtcp_mux;
                stream.permitted = before->permitted;
                stream.direction = MediaDirection::inactive;
            }
        }
    };
    keep_through_hold(local, agreed_.local);
    keep_through_hold(remote, agreed_.remote);
    agreed_.local = std::move(local);
    agreed_.remote = std::move(remote);
    close(p.id);
    pending.reset();
}

}  // namespace messenger::alg
