// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/edited_stream.h"

#include <algorithm>
#include <cassert>

#include "alg/nat/state_bytes.h"
#include "alg/net/stream.h"

namespace messenger::alg {

namespace {

[[nodiscard]] std::uint32_t end_of(const PacketView& view) {
    return view.tcp.sequence + static_cast<std::uint32_t>(view.payload.size());
}

}  // namespace

void EditedStream::begin(std::uint32_t first, std::uint32_t next) {
    assert(held_.empty());
    const std::uint16_t mss = receiver_mss_;
    *this = EditedStream{};
    receiver_mss_ = mss;
    first_ = first;
    seen_ = next;
    decided_ = next;
    released_ = next;
    acknowledged_ = first;
    begun_ = true;
}

EditedStream::Outcome EditedStream::push(PacketToken token, std::span<const std::byte> packet, const PacketView& view,
                                         const Exchange& exchange, ReleaseList& releases) {
    const std::uint32_t begin = view.tcp.sequence;
    const std::uint32_t end = end_of(view);
    const bool repeats = !sequence_before(seen_, end);
    if (!sequence_before(seen_, begin)) seen_ = later_sequence(seen_, end);
    // What lies beyond every window is dropped by its receiver and read by nobody.
    const bool nothing_to_decide = !begun_ || given_up_ || !sequence_before(decided_, end) ||
                                   sequence_distance(decided_, begin) > StreamReassembler::kLargestWindow;
    if (nothing_to_decide) {
        if (begun_ && view.tcp.fin && end == decided_) decided_ = end + 1;
        pass(token, packet, view, exchange, releases);
        return Outcome::released;
    }
    if (is_held(later_sequence(begin, decided_), end, view.tcp.fin)) {
        if (repeats) take_custody(exchange.limits);
        answer_repetition(token, packet, view, exchange, releases);
        return Outcome::released;
    }
    const bool full = held_.size() >= exchange.limits.held_segments || held_.bytes() > exchange.limits.held_bytes ||
                      packet.size() > exchange.limits.held_bytes - held_.bytes();
    held_.insert(token, packet, view);
    if (!full) return Outcome::held;
    give_up(exchange, releases);
    return Outcome::overflow;
}

void EditedStream::pass(PacketToken token, std::span<const std::byte> packet, const PacketView& view,
                        const Exchange& exchange, ReleaseList& releases) {
    const Input input{view.tcp.sequence, {}, view.payload, false};
    emit(token, packet, view, view.tcp.rst ? input : take_along(view, input), exchange, releases);
}

/// Whether held segments, or custody, have everything in [begin, end).
bool EditedStream::is_held(std::uint32_t begin, std::uint32_t end, bool fin) const {
    bool fin_held = !fin;
    const auto look_for_fin = [&](const HeldSegments::Segment& held, std::uint32_t) {
        fin_held = fin_held || (held.fin && held.end == end);
    };
    const std::uint32_t at = held_.each_without_gap(custody_.behind(begin), look_for_fin);
    return fin_held && !sequence_before(at, end);
}

/// The sender has sent again what is held, and nothing that is not.
void EditedStream::answer_repetition(PacketToken token, std::span<const std::byte> packet, const PacketView& view,
                                     const Exchange& exchange, ReleaseList& releases) {
    Input input{view.tcp.sequence, {}, {}, true};
    if (sequence_before(view.tcp.sequence, decided_)) {
        // The sender has put a lost segment and one that is held into one. What is decided must not wait.
        input.bytes = view.payload.substr(0, decided_ - view.tcp.sequence);
        emit(token, packet, view, take_along(view, input), exchange, releases);
        return;
    }
    if (custody_.empty()) {  // a gap lies before what is held: the sender has to fill it
        releases.add(token, Fate::drop);
        return;
    }
    input = take_along(view, input);
    if (!input.custody.empty()) {
        emit(token, packet, view, input, exchange, releases);
        return;
    }
    // Every receiver answers a byte that it has acknowledged, also when that is only named (RFC 9293 section 3.10.7.4).
    std::string& nothing = releases.scratch();
    nothing.clear();
    note_timestamp(packet, view);
    write(token, packet, view, {acknowledged_ - 1, true, std::nullopt, nothing}, exchange, releases);
}

/// The sender is stalled: all that is held without a gap, if what is in custody already reaches as far as what has been
/// released.
void EditedStream::take_custody(const EditLimits& limits) {
    const std::uint32_t received = map_.in(acknowledged_);
    custody_.release_before(received);
    if (!custody_.empty() && sequence_before(custody_.end(), released_)) return;
    const std::size_t most = std::min(limits.held_bytes, Custody::kMost);
    // What edits have deleted may be received without having been released.
    std::uint32_t at = custody_.empty() ? later_sequence(released_, received) : custody_.end();
    for (const HeldSegments::Segment& held : held_) {
        if (sequence_before(at, held.begin)) return;
        if (!sequence_before(at, held.end)) continue;
        const auto view = parse_packet(held.packet());
        assert(view);  // it was one when it came
        if (!view) return;
        const std::string_view bytes = view->payload.substr(at - held.begin);
        if (custody_.size() >= most || bytes.size() > most - custody_.size()) return;
        custody_.take(at, bytes);
        at = held.end;
    }
}

/// What the receiver lacks of what is in custody and final, from what it has acknowledged on.
std::string_view EditedStream::missing() const {
    if (custody_.empty()) return {};
    const std::uint32_t end = given_up_ || sequence_before(custody_.end(), decided_) ? custody_.end() : decided_;
    return custody_.between(map_.in(acknowledged_), end);
}

/// The segment with what the receiver lacks before it, unless it has something to say that is new: then the bytes may
/// be on their way, and if not, the segment is going to be repeated.
EditedStream::Input EditedStream::take_along(const PacketView& view, Input input) {
    const std::string_view lacking = missing();
    if (lacking.empty()) return input;
    const std::uint32_t end = input.begin + static_cast<std::uint32_t>(input.bytes.size());
    const std::uint32_t known = later_sequence(released_, custody_.end());
    if (!input.bytes.empty() && sequence_before(known, end)) return input;
    if (view.payload.empty() && !view.tcp.fin && !sequence_before(input.begin, known)) {
        // An acknowledgement that became data would be acknowledged, and that could become data, too, for ever.
        laden_ = !laden_;
        if (!laden_) return input;
    }
    const std::uint32_t from = map_.in(acknowledged_);
    const std::uint32_t to = from + static_cast<std::uint32_t>(lacking.size());
    const bool follows = !sequence_before(to, input.begin) && !sequence_before(end, to);
    return {from, lacking, follows ? input.bytes.substr(to - input.begin) : std::string_view(),
            input.more_follows || !follows};
}

bool EditedStream::edit(std::uint32_t sequence, const EditList& edits) {
    if (!begun_ || given_up_ || edits.spoilt()) return false;
    if (edits.empty()) return true;
    const std::string_view text = edits.text();
    SequenceMap map = map_;
    // An edit waits here until it is known that no insertion follows it immediately.
    std::uint32_t at = 0;
    std::uint32_t length = 0;
    std::string replacement;
    const auto add = [&] {
        return length == 0 ||
               (!sequence_before(sequence + at, decided_) && map.add(sequence + at, length, replacement));
    };
    for (std::size_t i = 0; i < edits.size(); ++i) {
        const EditList::Edit edit = edits[i];
        const bool insertion = edit.length == 0;
        if (insertion && length > 0 && edit.at == at + length) {
            replacement.append(edit.replacement);
            continue;
        }
        if (!add()) return false;
        at = edit.at;
        length = edit.length;
        replacement.assign(edit.replacement);
        if (!insertion) continue;
        // What is inserted takes a neighbour along: the byte before, or the one behind where that has gone already.
        length = 1;
        if (at > 0 && !sequence_before(sequence + at - 1, decided_)) {
            --at;
            replacement.insert(replacement.begin(), text[at]);
        } else if (at < text.size()) {
            replacement.push_back(text[at]);
        } else {
            return false;
        }
    }
    if (!add()) return false;
    map_ = std::move(map);
    return true;
}

void EditedStream::decide(std::uint32_t sequence, const Exchange& exchange, ReleaseList& releases) {
    if (!begun_) return;
    decided_ = later_sequence(decided_, sequence);
    decide_before_fin();
    release_front(held_.count_until(decided_), exchange, releases);
    held_.copy_borrowed();
}

/// Behind a FIN comes nothing but keep-alives: a message that is not complete by then never will be.
void EditedStream::decide_before_fin() {
    for (const HeldSegments::Segment& held : held_) {
        if (!sequence_before(seen_, held.begin)) seen_ = later_sequence(seen_, held.end);
    }
    if (sequence_before(seen_, decided_)) return;  // decided beforehand, and a part is still to come
    const auto count_fin = [this](const HeldSegments::Segment& held, std::uint32_t end) {
        if (held.fin && held.end == end) decided_ = end + 1;  // it counts as a byte
    };
    static_cast<void>(held_.each_without_gap(custody_.behind(decided_), count_fin));
}

void EditedStream::give_up(const Exchange& exchange, ReleaseList& releases) {
    given_up_ = true;
    release_front(held_.size(), exchange, releases);
}

void EditedStream::on_reset(std::uint32_t sequence, const Exchange& exchange, ReleaseList& releases) {
    if (held_.empty() || sequence_before(sequence, decided_)) return;
    std::uint32_t end = decided_;
    for (const HeldSegments::Segment& held : held_) end = later_sequence(end, held.end + (held.fin ? 1U : 0U));
    if (!sequence_before(end, sequence)) give_up(exchange, releases);
}

void EditedStream::release_front(std::size_t count, const Exchange& exchange, ReleaseList& releases) {
    for (const HeldSegments::Segment& held : std::span(held_.begin(), count)) {
        const std::span<const std::byte> packet = held.packet();
        if (held.fin && held.end == decided_) decided_ = held.end + 1;
        const auto view = parse_packet(packet);
        assert(view);  // it was one when it came
        // As they are, also those in custody: what is lost of it, the next packet takes along.
        if (!view) continue;
        const Input input{held.begin, {}, view->payload, false, later_timestamp(packet, *view)};
        emit(held.token, packet, *view, input, exchange, releases);
    }
    held_.erase_front(count);
}

void EditedStream::on_acknowledgement(std::uint32_t sequence) {
    const std::uint32_t sent = map_.out(released_);
    const bool plausible = !sequence_before(sent + 1, sequence);  // the FIN counts too
    if (!begun_ || !plausible || !sequence_before(acknowledged_, sequence)) return;
    acknowledged_ = sequence;
    map_.acknowledge(sequence);
    custody_.release_before(map_.in(sequence));
    seen_ = later_sequence(seen_, map_.in(sequence));
    const std::int32_t known = sequence_distance(sent - static_cast<std::uint32_t>(carry_.size()), sequence);
    if (known > 0) carry_.erase(0, static_cast<std::size_t>(known));
}

void EditedStream::save(std::vector<std::byte>& to) const {
    StateWriter writer(to);
    writer.u8(begun_ ? 1 : 0);
    writer.u8(given_up_ ? 1 : 0);
    writer.u16(receiver_mss_);
    // What is held and not in custody gets lost.
    const std::uint32_t kept = custody_.behind(decided_);
    const std::uint32_t seen = sequence_before(seen_, kept) ? seen_ : kept;
    for (const std::uint32_t sequence : {first_, seen, decided_, released_, acknowledged_}) writer.u32(sequence);
    writer.text(carry_);
    map_.save(to);
    custody_.save(to);
}

std::optional<EditedStream> EditedStream::load(std::span<const std::byte>& from) {
    StateReader reader(from);
    EditedStream stream;
    stream.begun_ = reader.flag();
    stream.given_up_ = reader.flag();
    stream.receiver_mss_ = reader.u16();
    for (std::uint32_t* const sequence :
         {&stream.first_, &stream.seen_, &stream.decided_, &stream.released_, &stream.acknowledged_}) {
        *sequence = reader.u32();
    }
    stream.carry_ = reader.text(kMostCarried);
    if (!reader.good()) return std::nullopt;
    auto rest = reader.rest();
    auto map = SequenceMap::load(rest);
    if (!map) return std::nullopt;
    auto custody = Custody::load(rest);
    if (!custody) return std::nullopt;
    stream.map_ = *std::move(map);
    stream.custody_ = *std::move(custody);
    if (!stream.begun_ && stream.altered()) return std::nullopt;
    from = rest;
    return stream;
}

}  // namespace messenger::alg
