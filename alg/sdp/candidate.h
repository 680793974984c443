// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "alg/net/address.h"
#include "alg/sdp/lines.h"

namespace messenger::alg {

enum class CandidateTransport : std::uint8_t {
    udp,
    tcp_active,   ///< dials only: nothing to let in
    tcp_passive,  ///< listens; so do a simultaneous-open candidate and draft-06's TCP, which names no side
};

enum class CandidateType : std::uint8_t { host, srflx, prflx, relay };

/// One ICE candidate. The views borrow the section; address_text and port_text are what a rewriter replaces.
struct IceCandidate {
    std::uint16_t component = 0;  ///< 1 is RTP, 2 is RTCP
    CandidateTransport transport = CandidateTransport::udp;
    CandidateType type = CandidateType::host;  ///< draft-06 does not say it: always host there
    bool draft06 = false;                      ///< ID COMP PASSWORD UDP|TCP 0.PRIO IP PORT, of Office Communicator 2007
    Endpoint endpoint;                         ///< port 0 and 9 occur on active TCP
    std::string_view address_text;
    std::string_view port_text;
};

/// Reads the candidates of one medium: a=candidate in both dialects and a=x-candidate-ipv6 (MS-SDPEXT). The seventh
/// word "typ" tells RFC 8839 from draft-06. A candidate that cannot be read is left out and counted: host names (mDNS),
/// other transports, unknown types, TCP in RFC 6544 form without tcptype, components above 256.
class CandidateReader {
   public:
    /// section: SdpMedia::section, borrowed.
    explicit CandidateReader(std::string_view section) : lines_(section) {}

    /// Absent when there are no more.
    [[nodiscard]] std::optional<IceCandidate> next();
    /// Candidates left out so far.
    [[nodiscard]] std::size_t unreadable() const { return unreadable_; }

   private:
    LineReader lines_;
    std::size_t unreadable_ = 0;
};

}  // namespace messenger::alg
