// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "alg/nat/edit_list.h"
#include "alg/nat/edited_stream.h"
#include "alg/nat/release_list.h"
#include "alg/net/packet.h"

namespace messenger::alg {

/// Which end of a connection sent something.
enum class Sender : std::uint8_t { inside, outside };

/// A TCP connection whose bytes may be edited on their way, in both directions. For every packet of the connection:
///
///     connection.push(sender, token, packet, view, releases);       // some verdicts
///     ... the reader takes what it can read of the stream and, for every message that changes:
///     connection.edit(sender, sequence of its first byte, edits);
///     connection.decide(sender, sequence of the first byte that may still change, releases);   // more verdicts
///
/// Every token is named by exactly one release, sooner or later, in the order in which verdicts have to be given.
/// A packet is borrowed from push() to decide() or give_up(); one of the two has to be called after every push() that
/// held something. What is still held then is copied.
///
/// Until is_altered(), packets pass as they are, but for the MSS option of SYNs, and for retransmissions that bring
/// both what is decided and what is held. From then on every packet of the connection has to come through here, also
/// after given_up(): its numbers are not those of the receiver any more. It is altered by an edit, and by a sender that
/// waits for the acknowledgement of what is held (see EditedStream): what that is told has arrived has to come from
/// here if the receiver does not get it.
class EditedConnection {
   public:
    using Outcome = EditedStream::Outcome;

    explicit EditedConnection(const EditLimits& limits) : limits_(limits) {}

    [[nodiscard]] Outcome push(Sender sender, PacketToken token, std::span<const std::byte> packet,
                               const PacketView& view, ReleaseList& releases);

    /// The message that begins at sequence, all of whose bytes have been pushed, changes by these edits. False: the
    /// message passes as it is, because too many edits are not yet acknowledged, or because its beginning has been
    /// decided before. Nothing was changed then.
    [[nodiscard]] bool edit(Sender sender, std::uint32_t sequence, const EditList& edits);

    /// Everything from this sender before sequence is what it will be; sequence may lie ahead of what has been pushed.
    /// Releases what lies wholly before it, and everything once the sender has said that there is no more (FIN).
    void decide(Sender sender, std::uint32_t sequence, ReleaseList& releases) {
        stream(sender).decide(sequence, exchange(sender), releases);
    }

    /// No more edits in this direction: releases what is held, with the edits made so far.
    void give_up(Sender sender, ReleaseList& releases) { stream(sender).give_up(exchange(sender), releases); }
    [[nodiscard]] bool given_up(Sender sender) const { return stream(sender).given_up(); }

    /// This direction is read from this sequence number on although its SYN was not seen. Not needed with a SYN.
    /// Nothing happens to a direction that has begun.
    void take_up(Sender sender, std::uint32_t sequence) {
        if (!stream(sender).first()) stream(sender).begin(sequence, sequence);
    }
    /// Where this direction has to be taken up: everything before is decided. Absent: no SYN seen, nor taken up.
    [[nodiscard]] std::optional<std::uint32_t> decided(Sender sender) const { return stream(sender).decided(); }

    /// The number of this direction's first byte. Absent: no answered SYN was seen, nor was it taken up.
    [[nodiscard]] std::optional<std::uint32_t> first(Sender sender) const { return stream(sender).first(); }
    /// Bytes from decided() on that the sender will not send again, after a restart.
    [[nodiscard]] std::string_view unread(Sender sender) const { return stream(sender).unread(); }

    [[nodiscard]] bool is_altered() const { return streams_[0].altered() || streams_[1].altered(); }
    /// Whether something waits for decide() or give_up().
    [[nodiscard]] bool waits() const { return streams_[0].waits() || streams_[1].waits(); }
    [[nodiscard]] bool waits(Sender sender) const { return stream(sender).waits(); }
    [[nodiscard]] std::size_t held_segments() const {
        return streams_[0].held_segments() + streams_[1].held_segments();
    }
    [[nodiscard]] std::size_t held_bytes() const { return streams_[0].held_bytes() + streams_[1].held_bytes(); }
    /// What senders were told has arrived, and may not have.
    [[nodiscard]] std::size_t custody_bytes() const {
        return streams_[0].custody_bytes() + streams_[1].custody_bytes();
    }
    /// Packets whose tail found no room: the receiver has it from the next packet or from a retransmission.
    [[nodiscard]] std::uint32_t cut_tails() const { return streams_[0].cut_tails() + streams_[1].cut_tails(); }

    /// Appends what has to survive a restart. What is held is no part of it, for its sender repeats it: give_up() or
    /// drop it before. What is in custody is.
    void save(std::vector<std::byte>& to) const;
    /// Takes a saved connection off the front of from. Absent: this is none.
    [[nodiscard]] static std::optional<EditedConnection> load(std::span<const std::byte>& from,
                                                              const EditLimits& limits);

   private:
    [[nodiscard]] EditedStream& stream(Sender sender) { return streams_[static_cast<std::size_t>(sender)]; }
    [[nodiscard]] const EditedStream& stream(Sender sender) const { return streams_[static_cast<std::size_t>(sender)]; }
    [[nodiscard]] static Sender other(Sender sender) {
        return sender == Sender::inside ? Sender::outside : Sender::inside;
    }
    /// What a packet from this sender is translated with.
    [[nodiscard]] EditedStream::Exchange exchange(Sender sender) const {
        return {stream(other(sender)), is_altered(), limits_};
    }
    /// A SYN, until the answer shows that it is not made up.
    struct Offer {
        std::uint32_t first = 0;  ///< sequence number of the first data
        std::uint32_t next = 0;   ///< behind the data that the SYN brought itself (RFC 7413)
        std::uint16_t mss = 0;
    };

    void on_syn(Sender sender, const Offer& offer, const PacketView& view, ReleaseList& releases);
    [[nodiscard]] bool refuses_offer(Sender sender, const PacketView& view) const;

    EditLimits limits_;
    std::array<EditedStream, 2> streams_;         ///< by Sender
    std::array<std::optional<Offer>, 2> offers_;  ///< by Sender
};

}  // namespace messenger::alg
