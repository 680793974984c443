// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "alg/nat/edited_connection.h"
#include "alg/net/packet_writer.h"
#include "tests/alg/nat/edited_connection_model.h"
#include "tests/support/packet_builder.h"

namespace messenger::alg::model {

struct Flying {
    Sender sender = Sender::inside;
    testing::Bytes packet;
};
/// Two hosts, a network that loses, repeats and reorders, and the gateway between them, which edits random messages in
/// both directions. Every packet that arrives is compared with what the edited stream has to be.
class Simulation {
   public:
    Simulation(const Case& what, unsigned seed) : case_(what), random_(seed), connection_(what.limits) {
        for (Direction& one : directions_) {
            one.first = 0U - static_cast<std::uint32_t>(1 + below(100));
            write_messages(one);
            one.plan();
            one.got.assign(one.output.size() + one.input.size() + 2, false);
            one.seen.assign(one.in_size(), false);
        }
        push({Sender::inside, packet(Sender::inside, {directions_[0].first - 1, 0, true})});
        push({Sender::outside, packet(Sender::outside, {directions_[1].first - 1, directions_[0].first, true})});
        to_receivers_.clear();
    }

    void run() {
        const std::size_t steps = case_.classic_segment > 0 ? 1500 : 400;
        for (std::size_t step = below(steps); step > 0 && !::testing::Test::HasFailure(); --step) act();
        for (int round = 0; round < 100 && !::testing::Test::HasFailure(); ++round) {
            if (directions_[0].finished() && directions_[1].finished()) break;
            for (const Sender sender : {Sender::inside, Sender::outside}) {
                if (case_.classic_segment > 0) {
                    time_out(sender);
                } else {
                    send_all(sender);
                }
            }
        }
        for (const Direction& one : directions_) {
            ASSERT_EQ(one.received, one.output.size() + 1);
            ASSERT_EQ(one.acknowledged, one.in_size());
        }
        ASSERT_EQ(connection_.held_segments(), 0U);
        ASSERT_EQ(connection_.held_bytes(), 0U);
        ASSERT_EQ(connection_.custody_bytes(), 0U);
        ASSERT_TRUE(waiting_.empty()) << "packets without verdict";
    }
    [[nodiscard]] bool acknowledged_early() const { return acknowledged_early_; }

    [[nodiscard]] bool gave_up() const { return directions_[0].given_up || directions_[1].given_up; }
    [[nodiscard]] std::uint32_t cut_tails() const { return connection_.cut_tails(); }

   private:
    std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
    bool one_in(std::size_t count) { return below(count) == 0; }
    Direction& of(Sender sender) { return directions_[static_cast<std::size_t>(sender)]; }
    static Sender other(Sender sender) { return sender == Sender::inside ? Sender::outside : Sender::inside; }

    void write_messages(Direction& one) {
        for (std::size_t i = below(case_.messages + 1); i > 0; --i) {
            Message message;
            message.begin = one.input.size();
            const std::size_t size = 1 + below(40);
            while (one.input.size() < message.begin + size) one.input += static_cast<char>('a' + below(26));
            message.end = one.input.size();
            std::size_t at = 0;
            for (std::size_t edit = below(case_.edits + 1); edit > 0; --edit) {
                at += below(10);
                if (at >= size) break;
                Change change{at, 1 + below(std::min<std::size_t>(size - at, 8)), {}};
                for (std::size_t count = below(12); count > 0; --count) {
                    change.replacement += static_cast<char>('A' + below(26));
                }
                at += change.length;
                message.changes.push_back(change);
            }
            one.messages.push_back(message);
        }
    }
    testing::Bytes packet(Sender sender, const Segment& segment) {
        const auto options = segment.syn ? mss_option(case_.mss) : sack_options(of(other(sender)));
        return packet_of(sender, segment, options);
    }

    void act() {
        const Sender sender = one_in(2) ? Sender::inside : Sender::outside;
        switch (below(8)) {
            case 0:
            case 1: send_new(sender); break;
            case 2: send_again(sender); break;
            case 3: send_nothing(sender); break;
            case 4:
            case 5: deliver(to_gateway_, [this](const Flying& one) { push(one); }); break;
            case 6: deliver(to_receivers_, [this](const Flying& one) { receive(one); }); break;
            default:
                if (case_.restarts && one_in(20)) restart();
                deliver(to_receivers_, [this](const Flying& one) { receive(one); });
        }
    }

    template <class Take>
    void deliver(std::vector<Flying>& queue, Take&& take) {
        if (queue.empty()) return;
        const std::size_t which = one_in(3) ? below(queue.size()) : 0;
        const Flying one = queue[which];
        if (!one_in(20)) queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(which));  // else it comes again
        if (!one_in(12)) take(one);
    }

    void send(Sender sender, std::size_t begin, std::size_t end, bool fin) {
        Direction& one = of(sender);
        one.sent = std::max(one.sent, end + (fin ? 1 : 0));
        to_gateway_.push_back(
            {sender, packet(sender, {one.first + static_cast<std::uint32_t>(begin), number(sender), false, fin,
                                     std::string_view(one.input).substr(begin, end - begin)})});
    }
    /// What the sender acknowledges.
    std::uint32_t number(Sender sender) {
        const Direction& back = of(other(sender));
        return back.first + static_cast<std::uint32_t>(back.received);
    }
    /// Whether a classic sender had something that it was allowed to send.
    bool send_classic(Sender sender, std::size_t begin, bool fin_too) {
        const Direction& one = of(sender);
        const std::size_t end = std::min(begin + case_.classic_segment, one.input.size());
        const bool fin = fin_too && end == one.input.size();
        const bool repeats = begin < one.sent;
        if (end == begin && !fin) return false;
        if (!repeats && end - begin < case_.classic_segment && one.acknowledged < one.sent) return false;
        send(sender, begin, repeats ? std::min(end, one.sent) : end, fin && (!repeats || one.sent == one.in_size()));
        return true;
    }
    void send_new(Sender sender) {
        const Direction& one = of(sender);
        const std::size_t begin = std::min(one.sent, one.input.size());
        if (case_.classic_segment > 0) {
            if (one.sent < one.in_size()) (void)send_classic(sender, begin, one_in(3));
            return;
        }
        const std::size_t end = begin + below(std::min<std::size_t>(one.input.size() - begin, 30) + 1);
        const bool fin = end == one.input.size() && one_in(3);
        if (end > begin || fin) send(sender, begin, end, fin);
    }
    void send_again(Sender sender) {
        const Direction& one = of(sender);
        if (case_.classic_segment > 0) {
            if (one.acknowledged == one.sent) return;
            std::size_t begin = std::min(one.acknowledged, one.input.size());
            begin += below(one.sent - begin) / case_.classic_segment * case_.classic_segment;
            if (one_in(2)) begin = one.acknowledged;
            (void)send_classic(sender, std::min(begin, one.input.size()), true);
            return;
        }
        const std::size_t known = std::min(one.sent, one.input.size());
        const std::size_t oldest = one.acknowledged - std::min(one.acknowledged, below(20));
        const std::size_t begin = std::min(known, oldest + below(known - std::min(known, oldest) + 1));
        const std::size_t end = begin + below(std::min<std::size_t>(known - begin, 50) + 1);
        send(sender, begin, end, end == one.input.size() && one.sent == one.in_size() && one_in(2));
    }
    /// An acknowledgement or a keep-alive.
    void send_nothing(Sender sender) {
        const Direction& one = of(sender);
        if (one_in(4) && one.sent == one.acknowledged) {
            send_keep_alive(sender);
            return;
        }
        const std::uint32_t sequence = one.first + static_cast<std::uint32_t>(one.sent);
        to_gateway_.push_back({sender, packet(sender, {sequence, number(sender)})});
    }
    void send_keep_alive(Sender sender) {
        const Direction& one = of(sender);
        const std::uint32_t sequence = one.first + static_cast<std::uint32_t>(one.sent) - 1;
        std::string byte;
        if (one_in(2)) byte = one.sent == 0 || one.sent > one.input.size() ? '?' : one.input[one.sent - 1];
        to_gateway_.push_back({sender, packet(sender, {sequence, number(sender), false, false, byte})});
    }

    /// The network has recovered: all that is not acknowledged, in order, and every answer.
    void send_all(Sender sender) {
        Direction& one = of(sender);
        for (std::size_t at = std::min(one.acknowledged, one.input.size()); !one.finished();) {
            const std::size_t end = at + std::min(one.input.size() - at, 1 + below(30));
            send(sender, at, end, end == one.input.size());
            if (end == one.input.size()) break;
            at = end;
        }
        answer(sender);
    }
    /// The network has recovered: the retransmission timer goes off, and whatever is allowed then follows.
    void time_out(Sender sender) {
        const Direction& one = of(sender);
        if (one.acknowledged < one.sent) {
            (void)send_classic(sender, std::min(one.acknowledged, one.input.size()), true);
        } else {
            send_keep_alive(sender);
        }
        do {
            answer(sender);
        } while (one.sent < one.in_size() && send_classic(sender, one.sent, true));
        answer(sender);
    }
    void answer(Sender sender) {
        drain();
        const auto last = static_cast<std::uint32_t>(of(other(sender)).sent);
        to_gateway_.push_back(
            {other(sender), packet(other(sender), {of(other(sender)).first + last, number(other(sender))})});
        drain();
    }
    void drain() {
        for (const Flying& one : std::exchange(to_gateway_, {})) push(one);
        for (const Flying& one : std::exchange(to_receivers_, {})) receive(one);
    }

    // The gateway.

    void push(const Flying& one) {
        const testing::Bytes packet = testing::exact_copy(one.packet);
        const auto view = parse_packet(packet);
        ASSERT_TRUE(view);
        const PacketToken token = ++tokens_;
        waiting_.emplace(token, one);
        releases_.clear();
        note_repetition(of(one.sender), *view);
        const EditedConnection::Outcome outcome = connection_.push(one.sender, token, packet, *view, releases_);
        if (outcome == EditedConnection::Outcome::overflow) give_up(one.sender);
        read(one.sender, *view);
        Direction& direction = of(one.sender);
        std::size_t decided = std::min(direction.read, direction.input.size());
        if (direction.next_message < direction.messages.size() && !direction.given_up) {
            const Message& message = direction.messages[direction.next_message];
            // A message that never changes need not be waited for.
            decided = message.changes.empty() && direction.read > message.begin ? message.end : message.begin;
        }
        connection_.decide(one.sender, direction.first + static_cast<std::uint32_t>(decided), releases_);
        collect();
    }

    static void note_repetition(Direction& one, const PacketView& view) {
        if (view.tcp.syn || (view.payload.empty() && !view.tcp.fin)) return;
        const std::size_t begin = view.tcp.sequence - one.first;
        for (std::size_t i = begin; i < std::min(begin + view.payload.size(), one.input.size()); ++i) {
            if (!one.seen[i]) return;
        }
        one.stalled = std::max(one.stalled, one.read);
    }

    void give_up(Sender sender) {
        Direction& one = of(sender);
        one.given_up = true;
        one.plan();
    }

    void read(Sender sender, const PacketView& view) {
        Direction& one = of(sender);
        const auto begin = static_cast<std::int32_t>(view.tcp.sequence - one.first);
        for (std::size_t i = 0; i < view.payload.size() && !view.tcp.syn; ++i) {
            const auto position = static_cast<std::ptrdiff_t>(begin) + static_cast<std::ptrdiff_t>(i);
            if (position >= 0 && position < static_cast<std::ptrdiff_t>(one.input.size())) {
                one.seen[static_cast<std::size_t>(position)] = true;
            }
        }
        while (one.read < one.input.size() && one.seen[one.read]) ++one.read;
        for (; one.next_message < one.messages.size() && one.messages[one.next_message].end <= one.read;
             ++one.next_message) {
            const Message& message = one.messages[one.next_message];
            if (one.given_up) return;
            EditList edits;
            const auto text = std::string_view(one.input).substr(message.begin, message.end - message.begin);
            edits.begin(text);
            // EditList leaves out what changes nothing: these do.
            for (const Change& change : message.changes) {
                edits.replace(text.substr(change.at, change.length), change.replacement);
            }
            if (!connection_.edit(sender, one.first + static_cast<std::uint32_t>(message.begin), edits)) {
                connection_.give_up(sender, releases_);
                give_up(sender);
                return;
            }
        }
    }

    void collect() {
        for (std::size_t i = 0; i < releases_.size(); ++i) {
            const Release& release = releases_[i];
            const auto waited = waiting_.find(release.token);
            ASSERT_NE(waited, waiting_.end()) << "a verdict too many";
            Flying one = std::move(waited->second);
            waiting_.erase(waited);
            if (release.fate == Fate::drop) continue;
            if (release.fate == Fate::replace) {
                check_size(one.packet, release.packet);
                one.packet = release.packet;
            }
            to_receivers_.push_back(std::move(one));
        }
    }
    /// No segment grows beyond what its receiver takes.
    void check_size(testing::ByteSpan before, testing::ByteSpan after) const {
        const std::size_t headers = 40;
        if (before.size() - headers > case_.mss) return;
        ASSERT_LE(after.size() - headers, case_.mss);
        ASSERT_EQ(testing::checksum_finish(testing::checksum_add(0, after.first(20))), 0);
    }

    /// An orderly one: what is held is lost, and the reader begins again where nothing is decided yet.
    void restart() {
        std::vector<std::byte> saved;
        connection_.save(saved);
        std::span<const std::byte> from(saved);
        auto loaded = EditedConnection::load(from, case_.limits);
        ASSERT_TRUE(loaded);
        connection_ = *std::move(loaded);
        waiting_.clear();
        for (const Sender sender : {Sender::inside, Sender::outside}) {
            Direction& one = of(sender);
            const auto decided = connection_.decided(sender);
            ASSERT_TRUE(decided);
            const std::size_t at = *decided - one.first + connection_.unread(sender).size();
            for (std::size_t i = at; i < one.input.size(); ++i) one.seen[i] = false;
            one.read = std::min(one.read, at);
        }
    }

    // The hosts.

    void receive(const Flying& one) {
        const auto view = parse_packet(one.packet);
        ASSERT_TRUE(view);
        if (view->tcp.syn) return;
        take_data(of(one.sender), *view);
        take_answer(of(other(one.sender)), one.packet, *view);
    }

    static void take_data(Direction& one, const PacketView& view) {
        const auto begin = static_cast<std::int32_t>(view.tcp.sequence - one.first);
        for (std::size_t i = 0; i < view.payload.size(); ++i) {
            const auto signed_position = static_cast<std::ptrdiff_t>(begin) + static_cast<std::ptrdiff_t>(i);
            if (signed_position < 0) {
                ASSERT_EQ(view.payload, "?");
                continue;
            }
            const auto position = static_cast<std::size_t>(signed_position);
            if (position == one.output.size() && view.payload == "?") {
                ASSERT_TRUE(one.got[position]) << "the keep-alive of a closed direction names its FIN";
                continue;
            }
            ASSERT_LT(position, one.output.size());
            ASSERT_EQ(view.payload[i], one.output[position]) << "at " << position;
            one.got[position] = true;
        }
        if (view.tcp.fin) {
            ASSERT_EQ(static_cast<std::size_t>(begin) + view.payload.size(), one.output.size());
            one.got[one.output.size()] = true;
        }
        while (one.received <= one.output.size() && one.got[one.received]) ++one.received;
    }

    /// What a packet says to its receiver about the receiver's own direction.
    void take_answer(Direction& own, testing::ByteSpan packet, const PacketView& view) {
        const std::size_t position = view.tcp.acknowledgement - own.first;
        ASSERT_LE(position, own.sent) << "acknowledged but never sent";
        if (own.at[position] > own.received) {
            ASSERT_LE(position, own.stalled) << "acknowledged but not received, although the sender was not stalled";
            acknowledged_early_ = true;
        }
        own.acknowledged = std::max(own.acknowledged, position);
        for (const SackBlock& block : read_sack(packet, view)) {
            const std::size_t left = block.left - own.first;
            const std::size_t right = block.right - own.first;
            ASSERT_LT(left, right);
            ASSERT_LE(right, own.sent);
            ASSERT_TRUE(own.has(left, right)) << left << ' ' << right;
        }
    }

    Case case_;
    std::minstd_rand random_;
    EditedConnection connection_;
    std::array<Direction, 2> directions_;  ///< by Sender
    std::vector<Flying> to_gateway_;
    std::vector<Flying> to_receivers_;
    std::map<PacketToken, Flying> waiting_;
    PacketToken tokens_ = 0;
    ReleaseList releases_;
    bool acknowledged_early_ = false;
};

}  // namespace messenger::alg::model
