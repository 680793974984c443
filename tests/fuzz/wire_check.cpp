// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/wire_check.h"

#include <algorithm>
#include <variant>

#include "tests/fuzz/require.h"

namespace messenger::test {

namespace {

/// What nobody has said an MSS for is made no longer; the segments here have no options.
constexpr std::size_t kFullSegment = 1200;

}  // namespace

using alg::FlowTuple;
using alg::PacketToken;
using alg::PacketView;
using alg::Transport;

PacketToken WireCheck::send(const FlowTuple& tuple, const testing::Bytes& packet, std::size_t begin,
                            alg::TimePoint now) {
    waiting_[++last_] = {tuple, packet};
    const auto view = alg::parse_packet(packet);
    if (view && tuple.transport == Transport::tcp) {
        Way& way = ways_[tuple];
        // One that was edited and is forgotten, the kernel's rules reset at its next packet (chain guard).
        const Way& back = ways_[tuple.reversed()];
        const bool forgotten = (way.begun || back.begun) && now - std::max(way.last, back.last) >= idle_;
        if (view->tcp.rst || forgotten) spoil(tuple);
        way.last = now;
        note_sent(way, *view, begin);
    }
    return last_;
}

void WireCheck::note_sent(Way& way, const PacketView& view, std::size_t begin) {
    // A second SYN may mean another connection, or nothing.
    way.clean = way.clean && view.tcp.syn != way.begun && !view.tcp.rst && begin == way.sent.size();
    way.begun = true;
    if (way.clean) way.sent += view.payload;
}

bool WireCheck::has_begun(const FlowTuple& tuple) const {
    const auto way = ways_.find(tuple.reversed());
    return way != ways_.end() && way->second.begun;
}

std::uint32_t WireCheck::acknowledgement(const FlowTuple& tuple) const {
    return kFirst + static_cast<std::uint32_t>(ways_.at(tuple.reversed()).arrived.size());
}

void WireCheck::spoil(const FlowTuple& tuple) {
    ways_[tuple].clean = false;
    ways_[tuple.reversed()].clean = false;
}

void WireCheck::take(const alg::Plan& plan, PacketToken own, bool unedited) {
    for (const alg::Event& event : plan.events) {
        if (const auto* edit = std::get_if<alg::EditEvent>(&event)) note_edit(*edit, unedited);
    }
    const bool is_udp = own != 0 && waiting_.at(own).tuple.transport == Transport::udp;
    if (is_udp) check_datagram(waiting_.at(own), plan);
    const alg::ReleaseList& releases = plan.releases;
    for (std::size_t i = 0; i < releases.size(); ++i) {
        const alg::Release& release = releases[i];
        require(waiting_.contains(release.token), "one verdict on each packet");
        if (release.fate == alg::Fate::drop) {
            spoil(waiting_.at(release.token).tuple);
            waiting_.erase(release.token);
        } else {
            const bool replaced = release.fate == alg::Fate::replace;
            arrive(release.token, replaced ? release.packet : waiting_.at(release.token).bytes, replaced);
        }
    }
    if (own == 0) return;
    require(plan.released || waiting_.contains(own), "the verdict on the packet at hand is in one place");
    if (!plan.released) {
        const bool replaced = !plan.replacement.empty();
        const testing::Bytes own_bytes = waiting_.at(own).bytes;
        arrive(own, replaced ? plan.replacement : testing::ByteSpan(own_bytes), replaced);
    }
}

/// The message stands in the stream behind those before it.
void WireCheck::note_edit(const alg::EditEvent& event, bool unedited) {
    if (event.tuple.transport != Transport::tcp) return;
    Way& way = ways_[event.tuple];
    const std::string_view text = event.edits->text();
    const std::size_t at = way.clean && !unedited ? way.sent.find(text, way.read) : std::string::npos;
    if (at == std::string::npos) {
        require(!way.clean || unedited, "what is edited was sent");
        way.clean = false;
        return;
    }
    if (way.sent.find(text, at + 1) != std::string::npos) {  // which of them, nobody has said
        way.clean = false;
        return;
    }
    std::string edited;
    event.edits->apply(edited);
    way.expected.append(way.sent, way.read, at - way.read).append(edited);
    way.read = at + text.size();
}

void WireCheck::arrive(PacketToken token, testing::ByteSpan bytes, bool replaced) {
    const auto packet = waiting_.find(token);
    const FlowTuple tuple = packet->second.tuple;
    const auto view = alg::parse_packet(bytes);
    require(view && view->tuple == tuple, "a packet stays one between the same ends");
    if (tuple.transport == Transport::tcp) {
        Way& way = ways_[tuple];
        const std::uint32_t at = view->tcp.sequence + (view->tcp.syn ? 1U : 0U) - kFirst;
        const std::string_view payload = view->payload;
        if (way.clean && payload.empty() && replaced) {
            // An acknowledgement overtakes the segments that wait for the rest of their message.
            require(at <= way.expected.size() + (way.sent.size() - way.read), "nothing is behind what was sent");
        } else if (way.clean && !payload.empty()) {
            require(at <= way.arrived.size(), "no gap where none was sent");
            const std::size_t known = std::min<std::size_t>(way.arrived.size() - at, payload.size());
            require(std::string_view(way.arrived).substr(at, known) == payload.substr(0, known),
                    "no byte twice differently");
            way.arrived += payload.substr(known);
            way.full = replaced && payload.size() >= kFullSegment;
        }
    }
    waiting_.erase(packet);
}

/// What stands around the message stays.
void WireCheck::check_datagram(const Packet& packet, const alg::Plan& plan) {
    const auto before = alg::parse_packet(packet.bytes);
    std::string expected(before->payload);
    for (const alg::Event& event : plan.events) {
        const auto* edit = std::get_if<alg::EditEvent>(&event);
        if (edit == nullptr) continue;
        const std::string_view text = edit->edits->text();
        const std::size_t at = before->payload.find(text);
        require(at != std::string_view::npos, "what is edited was sent");
        std::string edited;
        edit->edits->apply(edited);
        expected.replace(at, text.size(), edited);
    }
    if (plan.replacement.empty()) return;  // such as one that would be too large
    const auto after = alg::parse_packet(plan.replacement);
    require(after && after->payload == expected, "the datagram with its edits");
}

void WireCheck::finish() {
    require(waiting_.empty(), "every packet has its verdict");
    for (const auto& [tuple, way] : ways_) {
        if (!way.clean) continue;
        const std::string all = way.expected + way.sent.substr(way.read);
        // What found no room in a segment comes with the next one, if only its sender's repetition.
        require(way.arrived == all || (way.full && all.starts_with(way.arrived)),
                "what was sent, with its edits, has arrived");
    }
}

}  // namespace messenger::test
