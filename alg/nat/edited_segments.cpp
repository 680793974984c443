// SPDX-License-Identifier: GPL-2.0-or-later
// The part of EditedStream that makes the segments that go: what they carry, and what their headers say.
#include <algorithm>
#include <cassert>

#include "alg/nat/edited_stream.h"
#include "alg/net/header_sizes.h"
#include "alg/net/packet_writer.h"
#include "alg/net/stream.h"

namespace messenger::alg {

namespace {

/// Without the receiver's MSS: what every path carries that carries IPv6 too, whose least MTU is 1280.
constexpr std::size_t kSafeSegment = 1200;
/// A little less than IP allows: a verdict carries the packet as an attribute whose header counts.
constexpr std::size_t kLongestPacket = 65'500;

}  // namespace

void EditedStream::emit(PacketToken token, std::span<const std::byte> packet, const PacketView& view,
                        const Input& input, const Exchange& exchange, ReleaseList& releases) {
    note_timestamp(packet, view);
    if (!exchange.edited && !custody_.taken() && !input.more_follows && !input.timestamp) {
        advance(view.tcp.sequence, view.tcp.sequence + static_cast<std::uint32_t>(view.payload.size()));
        releases.add(token, Fate::pass);
        return;
    }
    Rendering rendering{input.begin, input.more_follows, input.timestamp, releases.scratch()};
    rendering.payload.clear();
    render(input, room(packet, view), view, rendering);
    write(token, packet, view, rendering, exchange, releases);
}

/// The segment with its own headers.
void EditedStream::write(PacketToken token, std::span<const std::byte> packet, const PacketView& view,
                         const Rendering& rendering, const Exchange& exchange, ReleaseList& releases) const {
    SegmentChange change;
    change.sequence = rendering.sequence;
    change.acknowledgement = view.tcp.acknowledgement;
    change.more_follows = rendering.more_follows;
    change.timestamp = rendering.timestamp;
    if (view.tcp.ack && exchange.reverse.altered()) exchange.reverse.translate_back(packet, view, change);
    const bool same = change.sequence == view.tcp.sequence && change.acknowledgement == view.tcp.acknowledgement &&
                      !change.more_follows && !change.timestamp && !change.echo && change.sack.empty() &&
                      rendering.payload == view.payload;
    Release& release = releases.add(token, same ? Fate::pass : Fate::replace);
    if (same || write_segment(packet, view, change, rendering.payload, release.packet)) return;
    assert(false);  // room() left enough
    release.fate = Fate::drop;
}

/// What a segment of the other direction says about this one, in the numbers of the sender. Blocks stay out of change
/// if they stay what they are.
void EditedStream::translate_back(std::span<const std::byte> packet, const PacketView& view,
                                  SegmentChange& change) const {
    const std::uint32_t received = map_.in(view.tcp.acknowledgement);
    change.acknowledgement = custody_.behind(received);
    if (change.acknowledgement != received) {
        // It answers the sender's repetition. With the time of what came before that, the sender would think that it
        // had repeated in vain, and wait much longer with the rest (RFC 3522).
        const auto times = read_timestamps(packet, view);
        if (times && timestamp_ && sequence_before(times->echo, *timestamp_)) change.echo = timestamp_;
    }
    const SackBlocks blocks = read_sack(packet, view);
    for (const SackBlock& block : blocks) {
        const SackBlock inner{map_.in_from(block.left), map_.in(block.right)};
        // A block that begins where the acknowledgement ends would say that nothing is missing: but custody is, and
        // comes with repetitions.
        const bool hides = change.acknowledgement != received && !sequence_before(change.acknowledgement, inner.left);
        change.sack.push_back(!hides && sequence_before(inner.left, inner.right) ? inner : SackBlock{});
    }
    if (change.sack == blocks) change.sack.clear();
}

/// Output and its place. Segments that continue what has been released take along what found no room before them.
void EditedStream::render(const Input& input, std::size_t room, const PacketView& view, Rendering& rendering) {
    const std::uint32_t begin = input.begin;
    const std::uint32_t own = begin + static_cast<std::uint32_t>(input.custody.size());
    const std::uint32_t end = own + static_cast<std::uint32_t>(input.bytes.size());
    const bool continues = begun_ && begin == released_ && !view.tcp.rst;
    std::string& output = rendering.payload;
    rendering.sequence = map_.out(begin);
    if (continues) {
        output = carry_;
        rendering.sequence -= static_cast<std::uint32_t>(carry_.size());
    }
    map_.render(begin, input.custody, output);
    map_.render(own, input.bytes, output);
    const bool advances = advance(begin, end) || continues;
    if (advances) carry_.clear();
    if (output.size() > room) {
        // A retransmission that is too long again and again would never bring the receiver anything new.
        const std::int32_t known = sequence_distance(rendering.sequence, acknowledged_);
        if (known > 0 && static_cast<std::size_t>(known) < output.size()) {
            output.erase(0, static_cast<std::size_t>(known));
            rendering.sequence = acknowledged_;
        }
    }
    if (output.size() > room) {
        const std::size_t cut = output.size() - room;
        if (advances && cut <= kMostCarried) carry_.assign(output, room, cut);
        output.resize(room);
        rendering.more_follows = true;
        ++cut_tails_;
    }
    const bool fin = view.tcp.fin && !rendering.more_follows;
    if (!output.empty() || fin || view.tcp.rst) return;
    // Nothing is left of the data, or there was none. The receiver answers only what it has already.
    rendering.sequence = begin == end ? before_data(begin) : rendering.sequence - 1;
}

/// Whether input goes out that has not been released before.
bool EditedStream::advance(std::uint32_t begin, std::uint32_t end) {
    if (!begun_ || begin == end || !sequence_before(released_, end)) return false;
    if (sequence_distance(released_, begin) > StreamReassembler::kLargestWindow) return false;
    released_ = end;
    return true;
}

/// The output position of a segment without data. A keep-alive names a byte that the receiver has; where edits took
/// that byte away, the one before.
std::uint32_t EditedStream::before_data(std::uint32_t sequence) const {
    if (begun_ && !sequence_before(sequence, released_) && custody_.behind(sequence) != sequence) {
        return acknowledged_ - 1;  // the sender believes that the receiver has it
    }
    const std::uint32_t output = map_.out(sequence);
    const bool keep_alive = begun_ && sequence_before(sequence, released_) && output == map_.out(released_);
    return keep_alive ? output - 1 : output;
}

/// How long a payload the packet may carry.
std::size_t EditedStream::room(std::span<const std::byte> packet, const PacketView& view) const {
    const std::size_t offset = payload_offset(packet, view);
    if (offset == 0) return view.payload.size();
    const std::size_t most = kLongestPacket - offset;
    const std::size_t options = offset - view.transport_at - kTcpHeaderSize;
    const std::size_t segment = (receiver_mss_ > 0 ? std::size_t{receiver_mss_} : kSafeSegment);
    const std::size_t room = segment > options ? segment - options : 1;
    if (view.payload.size() <= room) return std::min(room, most);
    // Longer than a segment: several, which the kernel will cut. Without an MSS it may be a single long one.
    return receiver_mss_ > 0 ? most : std::min(view.payload.size(), most);
}

void EditedStream::note_timestamp(std::span<const std::byte> packet, const PacketView& view) {
    const auto times = read_timestamps(packet, view);
    if (times && (!timestamp_ || sequence_before(*timestamp_, times->own))) timestamp_ = times->own;
}

/// The time that a held segment has to show instead of its own, if it has to.
std::optional<std::uint32_t> EditedStream::later_timestamp(std::span<const std::byte> packet,
                                                           const PacketView& view) const {
    const auto times = read_timestamps(packet, view);
    return times && timestamp_ && sequence_before(times->own, *timestamp_) ? timestamp_ : std::nullopt;
}

}  // namespace messenger::alg
