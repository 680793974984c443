// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alg/nat/edited_connection.h"
#include "tests/support/packet_builder.h"

namespace messenger::alg {

[[nodiscard]] inline testing::Bytes mss_option(unsigned mss) {
    testing::Bytes option;
    testing::append16(option, 0x0204);
    testing::append16(option, mss);
    return option;
}

/// The timestamps option with its two no-operations.
[[nodiscard]] inline testing::Bytes timestamps(std::uint32_t value, std::uint32_t echo = 77) {
    testing::Bytes option;
    testing::append32(option, 0x0101080a);
    testing::append32(option, value);
    testing::append32(option, echo);
    return option;
}

/// A connection, its packets written shortly. The inside's data begins at 1000, the outside's at 5000.
class EditedConnectionLab {
   public:
    using Outcome = EditedConnection::Outcome;
    [[nodiscard]] static Endpoint client() { return testing::endpoint("10.1.2.3", 40000); }
    [[nodiscard]] static Endpoint server() { return testing::endpoint("192.0.2.9", 5060); }

    explicit EditedConnectionLab(unsigned mss = 1460, const EditLimits& limits = {}) : connection(limits) {
        send(Sender::inside, {.sequence = 999, .syn = true, .options = mss_option(mss)}, "");
        send(Sender::outside,
             {.sequence = 4999, .acknowledgement = 1000, .syn = true, .ack = true, .options = mss_option(mss)}, "");
        releases.clear();
    }

    Outcome send(Sender sender, const testing::TcpSegment& fields, std::string_view payload) {
        const bool inside = sender == Sender::inside;
        const testing::Bytes packet = testing::exact_copy(
            testing::tcp_packet(inside ? client() : server(), inside ? server() : client(), fields, payload));
        const Outcome outcome = connection.push(sender, ++token, packet, *parse_packet(packet), releases);
        if (outcome == Outcome::held && on_held) std::exchange(on_held, nullptr)();
        connection.decide(sender, decided[static_cast<std::size_t>(sender)], releases);
        return outcome;
    }
    Outcome data(std::uint32_t sequence, std::string_view payload, bool fin = false) {
        return send(Sender::inside,
                    {.sequence = sequence, .acknowledgement = 5000, .ack = true, .fin = fin, .psh = true}, payload);
    }
    Outcome ack(std::uint32_t acknowledgement, const testing::Bytes& options = {}) {
        return send(Sender::outside,
                    {.sequence = 5000, .acknowledgement = acknowledgement, .ack = true, .options = options}, "");
    }
    bool edit(std::uint32_t sequence, std::string_view text, std::string_view old, std::string_view replacement) {
        EditList edits;
        edits.begin(text);
        edits.replace(text.substr(text.find(old), old.size()), replacement);
        return connection.edit(Sender::inside, sequence, edits);
    }
    void decide(std::uint32_t sequence) {
        decided[0] = sequence;
        connection.decide(Sender::inside, sequence, releases);
    }

    /// What was released since the last call: "token sequence payload" with FIN as "!", "token =", "token x".
    std::string released() {
        std::string text;
        for (std::size_t i = 0; i < releases.size(); ++i) {
            const Release& release = releases[i];
            text += (text.empty() ? "" : ", ") + std::to_string(release.token - 2);
            if (release.fate == Fate::pass) text += " =";
            if (release.fate == Fate::drop) text += " x";
            if (release.fate != Fate::replace) continue;
            last = release.packet;
            view = *parse_packet(last);
            text += ' ' + std::to_string(view.tcp.sequence) + ' ' + std::string(view.payload);
            if (view.tcp.fin) text += '!';
        }
        releases.clear();
        return text;
    }

    EditedConnection connection;
    ReleaseList releases;
    std::function<void()> on_held;  ///< what the reader does with the next segment that is held
    PacketToken token = 0;
    std::vector<std::uint32_t> decided{1000, 5000};
    testing::Bytes last;
    PacketView view;  ///< of last
};

}  // namespace messenger::alg
