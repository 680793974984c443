// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/bench/template.h"

namespace messenger::bench {

/// Who calls: kHosts inside addresses from first_host on, all answered by one outside host. Each call has media ports
/// of its own; kFlows signalling ports of each inside host are used in turn, so that no two calls that are being set up
/// share a flow (the kernel's helper keeps what it expects by flow, and no more than four at a time).
struct Callers {
    std::uint8_t first_host = 128;  ///< last octet in 10.1.2.0/24
    std::string outside = "203.0.113.30";
};

/// The packets of a call, by its number. Views are good until the next packet of the same kind is made.
class CallPackets {
   public:
    static constexpr std::uint32_t kHosts = 60;
    static constexpr std::uint32_t kFlows = 100;
    static constexpr std::uint32_t kPairs = 9'500;  ///< RTP and RTCP ports of one host, none of them protected
    static constexpr std::uint16_t kFirstMediaPort = 28'000;
    static constexpr std::uint16_t kFirstSignallingPort = 50'001;

    explicit CallPackets(const Callers& callers);

    [[nodiscard]] testing::ByteSpan invite(std::uint32_t call);  ///< with an offer, from inside
    [[nodiscard]] testing::ByteSpan ok(std::uint32_t call);      ///< to the INVITE, with an answer, from outside
    [[nodiscard]] testing::ByteSpan ack(std::uint32_t call);
    [[nodiscard]] testing::ByteSpan bye(std::uint32_t call);  ///< from inside
    [[nodiscard]] testing::ByteSpan bye_ok(std::uint32_t call);
    [[nodiscard]] testing::ByteSpan rtp(std::uint32_t call, bool outbound);  ///< 160 bytes of sound
    [[nodiscard]] testing::ByteSpan rtcp(std::uint32_t call, bool outbound);

    enum class Kind : std::uint8_t { invite, ok, ack, bye, bye_ok, rtp, rtcp };
    struct Seen {
        Kind kind;
        std::uint32_t call;
    };
    /// Absent for packets that are none of these.
    [[nodiscard]] static std::optional<Seen> recognise(testing::ByteSpan packet);

   private:
    [[nodiscard]] testing::ByteSpan signalling(Template& packet, std::uint32_t call, bool outbound);
    [[nodiscard]] testing::ByteSpan media(Template& packet, std::uint32_t call, bool outbound, std::uint16_t second);

    std::uint8_t first_host_;
    std::uint8_t outside_octet_;
    Template invite_;
    Template ok_;
    Template ack_;
    Template bye_;
    Template bye_ok_;
    Template rtp_out_;
    Template rtp_in_;
    Template rtcp_out_;
    Template rtcp_in_;
};

}  // namespace messenger::bench
