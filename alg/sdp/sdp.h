// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <boost/container/static_vector.hpp>

#include "alg/base/expected.h"
#include "alg/limits.h"
#include "alg/net/address.h"

namespace messenger::alg {

enum class MediaKind : std::uint8_t { audio, video, image, application, text, message, other };

/// What carries a medium, as far as pinholes care (the proto field of m=).
enum class MediaTransport : std::uint8_t {
    rtp,       ///< RTP and RTCP over UDP: RTP/AVP, RTP/SAVP, RTP/AVPF, RTP/SAVPF, UDP/TLS/RTP/SAVP(F)
    udp,       ///< one UDP port: udp, udptl, UDP/..., DTLS/SCTP
    tcp,       ///< tcp, TCP/...
    sip,       ///< "sip": instant messages over the signalling itself
    other,
};

enum class MediaDirection : std::uint8_t { sendrecv, sendonly, recvonly, inactive };

/// The address of a c= line, or the reason why it is none.
struct SdpConnection {
    enum class Kind : std::uint8_t { none, address, name, multicast };
    Kind kind = Kind::none;
    IpAddress address;        ///< only for Kind::address
    std::string_view text;    ///< the address field as written
};

/// One m= section (RFC 8866 section 5.14).
struct SdpMedia {
    MediaKind kind = MediaKind::other;
    MediaTransport transport = MediaTransport::other;
    MediaDirection direction = MediaDirection::sendrecv;   ///< the media's own, else the session's
    bool rtcp_mux = false;                                 ///< a=rtcp-mux (RFC 5761)
    std::uint16_t port = 0;                                ///< 0: refused or removed
    std::uint16_t port_count = 1;                          ///< n of port/n, as written, at least 1
    std::uint16_t rtcp_port = 0;                           ///< a=rtcp:P (RFC 3605); 0 without one
    SdpConnection connection;                              ///< the media's own, else the session's
    SdpConnection rtcp_connection;                         ///< of a=rtcp:P IN IP4 A; Kind::none without one
    std::string_view media;                                ///< "audio", as written
    std::string_view protocol;                             ///< "RTP/AVP", as written
    std::string_view formats;                              ///< "0 8 101", as written
    std::string_view setup;                                ///< a=setup (RFC 4145); empty without one
    std::string_view section;                              ///< the m= line and all lines up to the next one
};

/// A session description read in place (RFC 8866). Unknown lines are left alone. Lone LF line ends are accepted.
/// Borrows the text it was parsed from. Keep one and use it again.
class SdpView {
   public:
    /// Errors: bad_sdp (a line that is not "x=...", no v=0 line at the start), bad_sdp_media (an m= line without media,
    /// port, proto; a port that is no number, above 65535), bad_sdp_address (a c= or a=rtcp that cannot be read),
    /// too_many_media (Limits::media, and never above kMaxMedia).
    [[nodiscard]] Expected<void> parse(std::string_view text, const Limits& limits);

    [[nodiscard]] const auto& media() const { return media_; }
    [[nodiscard]] const SdpConnection& connection() const { return connection_; }   ///< the session's
    [[nodiscard]] const SdpConnection& origin() const { return origin_; }           ///< the address of o=
    [[nodiscard]] std::string_view text() const { return text_; }

    static constexpr std::size_t kMaxMedia = 32;

   private:
    std::string_view text_;
    SdpConnection connection_;
    SdpConnection origin_;
    MediaDirection direction_ = MediaDirection::sendrecv;
    boost::container::static_vector<SdpMedia, kMaxMedia> media_;
};

}  // namespace messenger::alg
