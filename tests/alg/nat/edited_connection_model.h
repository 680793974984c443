// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "alg/nat/edited_connection.h"
#include "alg/net/packet_writer.h"
#include "tests/support/packet_builder.h"

namespace messenger::alg::model {

struct Case {
    std::size_t messages = 4;
    std::size_t edits = 3;  ///< of one message, at most
    EditLimits limits = {};
    bool restarts = false;
    std::size_t mss = 1460;
    /// Segments of so many bytes, a shorter one only while nothing is unacknowledged (RFC 896), and no byte twice that
    /// is acknowledged; 0: of any size at any time.
    std::size_t classic_segment = 0;
};

struct Change {
    std::size_t at = 0;  ///< in the message
    std::size_t length = 0;
    std::string replacement;
};

struct Message {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::vector<Change> changes;
};

/// One direction: what is sent, what must arrive, and how far that has come. Positions count bytes; that behind the
/// last byte is the FIN's.
struct Direction {
    std::uint32_t first = 0;  ///< the number of position 0
    std::string input;
    std::vector<Message> messages;
    std::string output;
    std::vector<std::size_t> at;  ///< of every input position, the output position

    std::size_t acknowledged = 0;  ///< to the sender
    std::size_t sent = 0;
    std::vector<bool> got;  ///< output positions that the receiver has
    std::size_t received = 0;

    std::size_t stalled = 0;  ///< what had come without gap when something of it came again
    std::vector<bool> seen;   ///< input positions that the reader has
    std::size_t read = 0;
    std::size_t next_message = 0;
    bool given_up = false;

    [[nodiscard]] std::size_t in_size() const { return input.size() + 1; }
    [[nodiscard]] bool finished() const { return acknowledged == in_size() && received == output.size() + 1; }

    /// Output and positions from the messages, whose edits are final up to next_message when given up.
    void plan() {
        output.clear();
        at.clear();
        for (std::size_t i = 0; i < messages.size(); ++i) {
            const Message& message = messages[i];
            std::size_t done = message.begin;
            const auto copy = [&](std::size_t end) {
                for (; done < end; ++done) {
                    at.push_back(output.size());
                    output += input[done];
                }
            };
            if (!given_up || i < next_message) {
                for (const Change& change : message.changes) {
                    copy(message.begin + change.at);
                    for (std::size_t k = 0; k < change.length; ++k, ++done) {
                        at.push_back(output.size() + std::min(k, change.replacement.size()));
                    }
                    output += change.replacement;
                }
            }
            copy(message.end);
        }
        at.push_back(output.size());
        at.push_back(output.size() + 1);
    }
    /// Whether the receiver has all that becomes of the input before this position.
    [[nodiscard]] bool has(std::size_t from, std::size_t to) const {
        for (std::size_t position = at[from]; position < at[to]; ++position) {
            if (!got[position]) return false;
        }
        return true;
    }
};

/// The options of a host that has received this: what lies beyond its first gap.
[[nodiscard]] inline testing::Bytes sack_options(const Direction& from) {
    testing::Bytes options;
    SackBlocks blocks;
    std::size_t at = from.received;
    while (blocks.size() < 3) {
        while (at <= from.output.size() && !from.got[at]) ++at;
        if (at > from.output.size()) break;
        const std::size_t begin = at;
        while (at <= from.output.size() && from.got[at]) ++at;
        blocks.push_back({from.first + static_cast<std::uint32_t>(begin), from.first + static_cast<std::uint32_t>(at)});
    }
    if (blocks.empty()) return options;
    testing::append16(options, 0x0101);
    testing::append8(options, 5);
    testing::append8(options, static_cast<unsigned>(2 + 8 * blocks.size()));
    for (const SackBlock& block : blocks) {
        testing::append32(options, block.left);
        testing::append32(options, block.right);
    }
    return options;
}

[[nodiscard]] inline testing::Bytes mss_option(std::size_t mss) {
    testing::Bytes option;
    testing::append16(option, 0x0204);
    testing::append16(option, static_cast<unsigned>(mss));
    return option;
}

struct Segment {
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgement = 0;  ///< a SYN with 0 has none
    bool syn = false;
    bool fin = false;
    std::string_view payload{};
};

/// Without checksums: the gateway does not look at them, and has to fill them in.
[[nodiscard]] inline testing::Bytes packet_of(Sender sender, const Segment& segment, const testing::Bytes& options) {
    using testing::append16;
    using testing::append32;
    using testing::append8;
    testing::Bytes bytes;
    bytes.reserve(80 + segment.payload.size());
    append32(bytes, 0x45000000U | static_cast<std::uint32_t>(40 + options.size() + segment.payload.size()));
    append32(bytes, 0);
    append32(bytes, 0x40060000);
    const std::array<std::uint32_t, 2> addresses{0x0a010203, 0xc0000209};
    const auto source = static_cast<std::size_t>(sender);
    append32(bytes, addresses[source]);
    append32(bytes, addresses[1 - source]);
    append32(bytes, 0x13c413c4);
    append32(bytes, segment.sequence);
    append32(bytes, segment.acknowledgement);
    append8(bytes, static_cast<unsigned>((20 + options.size()) / 4) << 4U);
    const bool ack = segment.acknowledgement != 0 || !segment.syn;
    append8(bytes, (segment.syn ? 2U : 0U) | (segment.fin ? 1U : 0U) | (ack ? 0x10U : 0U));
    append16(bytes, 65535);
    append32(bytes, 0);
    testing::append(bytes, options);
    testing::append(bytes, std::as_bytes(std::span(segment.payload)));
    return bytes;
}

}  // namespace messenger::alg::model
