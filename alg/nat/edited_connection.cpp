// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/edited_connection.h"

#include "alg/nat/state_bytes.h"
#include "alg/net/packet_writer.h"

namespace messenger::alg {

namespace {

constexpr std::uint8_t kStateVersion = 2;

}  // namespace

EditedConnection::Outcome EditedConnection::push(Sender sender, PacketToken token, std::span<const std::byte> packet,
                                                 const PacketView& view, ReleaseList& releases) {
    EditedStream& own = stream(sender);
    if (view.tcp.syn) {
        const std::uint32_t first = view.tcp.sequence + 1;
        on_syn(sender, {first, first + static_cast<std::uint32_t>(view.payload.size()), read_mss(packet, view)}, view,
               releases);
        // The numbers of a SYN, and of the answer to one, are from before all edits.
        Release& release = releases.add(token, Fate::pass);
        if (lower_mss(packet, view, limits_.mss_room, release.packet)) release.fate = Fate::replace;
        return Outcome::released;
    }
    if (refuses_offer(sender, view)) {
        releases.add(token, Fate::pass);
        return Outcome::released;
    }
    if (view.tcp.ack) stream(other(sender)).on_acknowledgement(view.tcp.acknowledgement);
    if (view.tcp.rst) own.on_reset(view.tcp.sequence, exchange(sender), releases);
    if (view.tcp.rst || (view.payload.empty() && !view.tcp.fin)) {
        own.pass(token, packet, view, exchange(sender), releases);
        return Outcome::released;
    }
    return own.push(token, packet, view, exchange(sender), releases);
}

bool EditedConnection::edit(Sender sender, std::uint32_t sequence, const EditList& edits) {
    return stream(sender).edit(sequence, edits);
}

/// A SYN alone proves nothing, and its ports may be those of an open connection. The other end's answer to it does.
void EditedConnection::on_syn(Sender sender, const Offer& offer, const PacketView& view, ReleaseList& releases) {
    const Sender answered = other(sender);
    std::optional<Offer>& earlier = offers_[static_cast<std::size_t>(answered)];
    if (!view.tcp.ack) {
        offers_[static_cast<std::size_t>(sender)] = offer;
        return;
    }
    const std::uint32_t acknowledged = view.tcp.acknowledgement;
    if (!earlier || (acknowledged != earlier->first && acknowledged != earlier->next)) return;
    if (stream(sender).first() == offer.first && stream(answered).first() == earlier->first) return;  // repeated
    for (const Sender one : {sender, answered}) give_up(one, releases);
    stream(sender).begin(offer.first, offer.next);
    stream(answered).begin(earlier->first, acknowledged);
    stream(sender).set_receiver_mss(earlier->mss);
    stream(answered).set_receiver_mss(offer.mss);
}

/// "No" to a SYN on the ports of an edited connection: its numbers are not those of that connection.
bool EditedConnection::refuses_offer(Sender sender, const PacketView& view) const {
    const std::optional<Offer>& earlier = offers_[static_cast<std::size_t>(other(sender))];
    return view.tcp.rst && view.tcp.ack && view.tcp.sequence == 0 && earlier &&
           (view.tcp.acknowledgement == earlier->first || view.tcp.acknowledgement == earlier->next);
}

void EditedConnection::save(std::vector<std::byte>& to) const {
    StateWriter(to).u8(kStateVersion);
    for (const EditedStream& one : streams_) one.save(to);
}

std::optional<EditedConnection> EditedConnection::load(std::span<const std::byte>& from, const EditLimits& limits) {
    StateReader reader(from);
    if (reader.u8() != kStateVersion || !reader.good()) return std::nullopt;
    auto rest = reader.rest();
    EditedConnection connection(limits);
    for (EditedStream& one : connection.streams_) {
        auto stream = EditedStream::load(rest);
        if (!stream) return std::nullopt;
        one = *std::move(stream);
    }
    from = rest;
    return connection;
}

}  // namespace messenger::alg
