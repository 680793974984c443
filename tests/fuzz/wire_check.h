// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "alg/net/packet.h"
#include "alg/plan.h"
#include "tests/support/packet_builder.h"

namespace messenger::test {

/// What becomes of packets that wait for their verdicts: each gets one; and what a receiver gets is what was sent with
/// the edits that were told of, and not one byte else.
class WireCheck {
   public:
    /// The number of the first byte of every connection.
    static constexpr std::uint32_t kFirst = 4294966296U;

    /// idle: after so long without packets, the engine forgets a connection.
    explicit WireCheck(alg::Duration idle) : idle_(idle) {}

    /// A packet is about to be handed to the engine. begin: where its payload stands in its stream.
    alg::PacketToken send(const alg::FlowTuple& tuple, const testing::Bytes& packet, std::size_t begin,
                          alg::TimePoint now);
    /// The acknowledgement that the sender of tuple gives to the other end; absent before anything has come.
    [[nodiscard]] bool has_begun(const alg::FlowTuple& tuple) const;
    [[nodiscard]] std::uint32_t acknowledgement(const alg::FlowTuple& tuple) const;

    /// What the engine decided. own: the packet at hand; 0 if time has passed. unedited: a message was told of as
    /// edited, and passes as it came.
    void take(const alg::Plan& plan, alg::PacketToken own, bool unedited);
    /// Nothing waits any more.
    void finish();

   private:
    /// One direction of a TCP connection.
    struct Way {
        bool begun = false;
        bool clean = true;     ///< sent in order, every byte once: only then it is known what must arrive
        std::string sent;      ///< by the sender
        std::string expected;  ///< of what was sent up to read
        std::size_t read = 0;
        std::string arrived;
        bool full = false;    ///< the last segment with data was as long as it may be
        alg::TimePoint last;  ///< when the sender was heard
    };
    struct Packet {
        alg::FlowTuple tuple;
        testing::Bytes bytes;
    };

    void note_sent(Way& way, const alg::PacketView& view, std::size_t begin);
    void note_edit(const alg::EditEvent& event, bool unedited);
    void arrive(alg::PacketToken token, testing::ByteSpan bytes, bool replaced);
    void check_datagram(const Packet& packet, const alg::Plan& plan);
    void spoil(const alg::FlowTuple& tuple);

    alg::Duration idle_;
    std::map<alg::FlowTuple, Way> ways_;
    std::map<alg::PacketToken, Packet> waiting_;
    alg::PacketToken last_ = 0;
};

}  // namespace messenger::test
