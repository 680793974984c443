// SPDX-License-Identifier: GPL-2.0-or-later
// Input: a saved connection, then packets of it: {control, size, bytes}. What loads saves as it was; and whatever was
// loaded, a connection survives every packet, gives one verdict on each, and holds no more than it may.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "alg/nat/edited_connection.h"
#include "tests/fuzz/require.h"

namespace {

using messenger::alg::EditedConnection;
using messenger::alg::PacketToken;
using messenger::alg::ReleaseList;
using messenger::alg::Sender;
using messenger::test::require;
using Bytes = std::span<const std::byte>;

constexpr messenger::alg::EditLimits kLimits{.held_bytes = 2000, .held_segments = 5};

class Verdicts {
   public:
    PacketToken wait() {
        waiting_.insert(++last_);
        return last_;
    }
    void take(ReleaseList& releases) {
        for (std::size_t i = 0; i < releases.size(); ++i) {
            require(waiting_.erase(releases[i].token) == 1, "one verdict on each packet");
            const bool replaced = releases[i].fate == messenger::alg::Fate::replace;
            require(!replaced || messenger::alg::parse_packet(releases[i].packet).has_value(), "replacements are read");
        }
        releases.clear();
    }
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

   private:
    std::set<PacketToken> waiting_;
    PacketToken last_ = 0;
};

/// Edits the payload of the packet at hand, when control says so.
void edit(EditedConnection& connection, Sender sender, const messenger::alg::PacketView& view, unsigned control) {
    if ((control & 2U) == 0 || view.payload.empty()) return;
    messenger::alg::EditList edits;
    edits.begin(view.payload);
    const std::size_t at = control % view.payload.size();
    edits.replace(view.payload.substr(at, control / 16), "<replacement>");
    if (!connection.edit(sender, view.tcp.sequence, edits)) return;
    require(connection.is_altered() || edits.empty(), "edits are known");
}

void exchange_packets(EditedConnection& connection, Bytes rest) {
    Verdicts verdicts;
    ReleaseList releases;
    while (rest.size() >= 2) {
        const auto control = std::to_integer<unsigned>(rest[0]);
        const std::size_t size = std::min(rest.size() - 2, std::to_integer<std::size_t>(rest[1]));
        const std::vector<std::byte> packet(rest.begin() + 2, rest.begin() + 2 + static_cast<std::ptrdiff_t>(size));
        rest = rest.subspan(2 + size);
        const auto view = messenger::alg::parse_packet(packet);
        if (!view || view->tuple.transport != messenger::alg::Transport::tcp) continue;
        const Sender sender = (control & 1U) == 0 ? Sender::inside : Sender::outside;
        const PacketToken token = verdicts.wait();
        const auto outcome = connection.push(sender, token, packet, *view, releases);
        require(outcome != EditedConnection::Outcome::overflow || connection.given_up(sender), "given up");
        edit(connection, sender, *view, control);
        std::uint32_t decided = view->tcp.sequence;
        if ((control & 4U) != 0) decided += static_cast<std::uint32_t>(view->payload.size());
        if ((control & 8U) == 0) decided = connection.decided(sender).value_or(0);
        connection.decide(sender, decided, releases);
        verdicts.take(releases);
        require(verdicts.waiting() == connection.held_segments(), "what waits is held");
        require(connection.held_segments() <= 2 * kLimits.held_segments, "limit of segments");
        require(connection.held_bytes() <= 2 * kLimits.held_bytes, "limit of bytes");
    }
    for (const Sender sender : {Sender::inside, Sender::outside}) connection.give_up(sender, releases);
    verdicts.take(releases);
    require(verdicts.waiting() == 0 && connection.held_bytes() == 0, "nothing stays held");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes input = std::as_bytes(std::span(data, size));
    Bytes rest = input;
    auto connection = EditedConnection::load(rest, kLimits);
    if (!connection) {
        require(rest.size() == size, "what does not load is not taken");
        return 0;
    }
    std::vector<std::byte> saved;
    connection->save(saved);
    Bytes again(saved);
    const auto twin = EditedConnection::load(again, kLimits);
    require(twin.has_value() && again.empty(), "what was saved loads");
    std::vector<std::byte> twice;
    twin->save(twice);
    require(saved == twice, "and saves as it was");
    exchange_packets(*connection, rest);
    return 0;
}
