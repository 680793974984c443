// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "alg/sip/connection_table.h"
#include "tests/support/packet_builder.h"
#include "tests/support/sip_text.h"

namespace messenger::alg::connection_lab {

using testing::endpoint;
using testing::wire;

inline TimePoint at(int seconds) {
    return TimePoint{} + std::chrono::seconds(seconds);
}

struct Table {
    Limits limits;
    Policy policy;
    ConnectionTable table{limits, HashKey{1, 2}};
    FlowTuple tuple{endpoint("10.1.2.3", 40000), endpoint("198.51.100.20", 5060), Transport::tcp};
    std::vector<std::string> messages;
    bool last = false;  ///< nothing that can be read follows a message

    ConnectionTable::Outcome send(const FlowTuple& way, std::uint32_t sequence, std::string_view payload,
                                  TcpFields fields = {}, bool marked = false, TimePoint now = at(0)) {
        PacketView packet;
        packet.tuple = way;
        packet.payload = payload;
        packet.tcp = fields;
        packet.tcp.sequence = sequence;
        struct Reader final : StreamReader {
            explicit Reader(Table& owner) : table(owner) {}
            std::optional<OpaqueReason> on_message(std::string_view message, MessageEdits*) override {
                table.messages.emplace_back(message);
                return table.last ? std::optional(OpaqueReason::compressed) : std::nullopt;
            }
            bool on_head(std::string_view, MessageEdits&) override { return false; }
            void on_too_large() override {}
            Table& table;
        } reader(*this);
        ConnectionTable::Segment segment{packet, {}};
        segment.sip_marked = marked;
        ReleaseList releases;
        return table.on_segment(segment, policy, now, reader, releases);
    }
    /// The connections that were given up meanwhile.
    std::vector<std::pair<FlowTuple, OpaqueReason>> expire(TimePoint now) {
        ReleaseList releases;
        std::vector<std::pair<FlowTuple, OpaqueReason>> given_up;
        table.expire(now, releases,
                     [&](const FlowTuple& of, OpaqueReason reason) { given_up.emplace_back(of, reason); });
        return given_up;
    }
    void shake_hands(TimePoint now = at(0)) { shake_hands(tuple, now); }
    void shake_hands(const FlowTuple& way, TimePoint now = at(0)) {
        (void)send(way, 99, "", {.syn = true}, false, now);
        (void)send(way.reversed(), 499, "", {.syn = true, .ack = true}, false, now);
        (void)send(way, 100, "", {.acknowledgement = 500, .ack = true}, false, now);
    }
    [[nodiscard]] FlowTuple from_port(std::uint16_t port) const {
        FlowTuple other = tuple;
        other.source.port = port;
        return other;
    }
};

inline const std::string kBye = wire("BYE sip:b@example.com SIP/2.0\nCall-ID: x\nContent-Length: 0");

/// A table whose connection may be edited: packets as they are on the wire, and their verdicts.
struct EditedTable {
    Limits limits;
    Policy policy;
    ConnectionTable table{limits, HashKey{1, 2}};
    FlowTuple tuple{endpoint("10.1.2.3", 40000), endpoint("198.51.100.20", 5060), Transport::tcp};
    std::vector<std::string> messages;
    PacketToken token = 0;
    int now = 0;
    ReleaseList releases;  ///< of the last packet
    ConnectionTable::Outcome outcome;

    void send(bool outbound, const testing::TcpSegment& fields, std::string_view payload) {
        const FlowTuple way = outbound ? tuple : tuple.reversed();
        const auto packet = testing::exact_copy(testing::tcp_packet(way.source, way.destination, fields, payload));
        const auto view = parse_packet(packet);
        ASSERT_TRUE(view);
        struct Reader final : StreamReader {
            explicit Reader(EditedTable& owner) : table(owner) {}
            std::optional<OpaqueReason> on_message(std::string_view message, MessageEdits* edits) override {
                table.messages.emplace_back(message);
                if (edits == nullptr) return std::nullopt;
                EditList list;
                list.begin(message);
                list.replace(message.substr(message.find("example"), 7), "edited");
                EXPECT_TRUE(edits->apply(list));
                return std::nullopt;
            }
            bool on_head(std::string_view, MessageEdits&) override { return false; }
            void on_too_large() override {}
            EditedTable& table;
        } reader(*this);
        ConnectionTable::Segment segment{*view, packet};
        segment.editable = true;
        segment.outbound = outbound;
        segment.token = ++token;
        releases.clear();
        outcome = table.on_segment(segment, policy, at(now), reader, releases);
    }
    /// The connections that were given up meanwhile.
    std::vector<std::pair<FlowTuple, OpaqueReason>> expire(int seconds) {
        now = seconds;
        releases.clear();
        std::vector<std::pair<FlowTuple, OpaqueReason>> given_up;
        table.expire(at(now), releases,
                     [&](const FlowTuple& of, OpaqueReason reason) { given_up.emplace_back(of, reason); });
        return given_up;
    }
    void data(std::uint32_t sequence, std::string_view payload) {
        send(true, {.sequence = sequence, .acknowledgement = 500, .ack = true}, payload);
    }
    void shake_hands() {
        send(true, {.sequence = 99, .syn = true}, "");
        send(false, {.sequence = 499, .acknowledgement = 100, .syn = true, .ack = true}, "");
    }
    /// Payload of the only packet that was released.
    [[nodiscard]] std::string released() const {
        if (releases.size() != 1 || releases[0].fate != Fate::replace) return "?";
        return std::string(parse_packet(releases[0].packet)->payload);
    }
};

inline const std::string kEditedBye = wire("BYE sip:b@edited.com SIP/2.0\nCall-ID: x\nContent-Length: 0");

}  // namespace messenger::alg::connection_lab
