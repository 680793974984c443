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
    rtp,  ///< RTP and RTCP over UDP: RTP/AVP, RTP/SAVP, RTP/AVPF, RTP/SAVPF, UDP/TLS/RTP/SAVP(F)
    udp,  ///< one UDP port: udp, udptl, UDP/..., DTLS/SCTP
    tcp,  ///< tcp, TCP/...
    sip,  ///< "sip": instant messages over the signalling itself
    other,
};

enum class MediaDirection : std::uint8_t { sendrecv, sendonly, recvonly, inactive };

/// The address of a c= line, or the reason why it is none.
struct SdpConnection {
    enum class Kind : std::uint8_t { none, address, name, multicast };
    Kind kind = Kind::none;
    IpAddress address;      ///< only for Kind::address
    std::string_view text;  ///< the address field as written
};

/// One m= section (RFC 8866 section 5.14).
struct SdpMedia {
    MediaKind kind = MediaKind::other;
    MediaTransport transport = MediaTransport::other;
    MediaDirection direction = MediaDirection::sendrecv;  ///< the media's own, else the session's
    bool rtcp_mux = false;                                ///< a=rtcp-mux (RFC 5761)
    bool own_connection = false;                          ///< connection is the media's own
    std::uint16_t port = 0;                               ///< 0: refused or removed
    std::uint16_t port_count = 1;                         ///< n of port/n, as written, at least 1
    std::uint16_t rtcp_port = 0;                          ///< a=rtcp:P (RFC 3605); 0 without one
    SdpConnection connection;                             ///< the media's own, else the session's
    SdpConnection rtcp_connection;                        ///< of a=rtcp:P IN IP4 A; Kind::none without one
    std::string_view media;                               ///< "audio", as written
    std::string_view port_text;                           ///< the port, as written, without /n
    std::string_view protocol;                            ///< "RTP/AVP", as written
    std::string_view formats;                             ///< "0 8 101", as written
    std::string_view setup;                               ///< a=setup (RFC 4145), else the session's; or empty
    std::string_view section;                             ///< the m= line and all lines up to the next one
};

/// A session description read in place (RFC 8866). Unknown lines are left alone. Lone LF line ends, a last line without
/// its end and empty lines at the end are accepted, as are several blanks between the fields of m= and c=, and words
/// behind the address of c=. Borrows the text it was parsed from. Keep one and use it again.
///
/// The v= line may be missing: the fallback part that Office Communicator puts before its ICE offer has none. Where it
/// stands, it is the first line and says 0. The order of the other session lines is not looked at.
///
/// Several c= lines in one place, a /ttl or /number behind an address, and a group address give Kind::multicast. A c=
/// line whose family is not that of its address is an error. An o= line that cannot be read gives Kind::none: nothing
/// hangs on it. Of several direction attributes the last counts. a=rtcp and a=rtcp-mux count inside a medium only.
class SdpView {
   public:
    /// Errors: bad_sdp (no line at all, a line that is not "x=...", a v= line that is not "v=0" or not the first),
    /// bad_sdp_media (an m= line without media, port, proto; a port that is no number, above 65535; 0 ports),
    /// bad_sdp_address (a c= or a=rtcp that cannot be read, two a=rtcp that differ),
    /// too_many_media (Limits::media, and never above kMaxMedia). After an error the view is empty.
    [[nodiscard]] Expected<void> parse(std::string_view text, const Limits& limits);

    [[nodiscard]] const auto& media() const { return media_; }
    [[nodiscard]] const SdpConnection& connection() const { return connection_; }  ///< the session's
    /// The address of the first o= line. Read when it is asked for, because nothing but NAT wants it.
    [[nodiscard]] SdpConnection origin() const;
    [[nodiscard]] std::string_view text() const { return text_; }

    static constexpr std::size_t kMaxMedia = 32;

   private:
    void reset();
    [[nodiscard]] Expected<void> read_lines(const Limits& limits);
    [[nodiscard]] Expected<void> read_media(std::string_view line, const Limits& limits);
    [[nodiscard]] bool read_connection_line(std::string_view value);
    [[nodiscard]] bool read_attribute(std::string_view value);
    [[nodiscard]] bool read_rtcp_attribute(std::string_view value);

    std::string_view text_;
    SdpConnection connection_;
    std::string_view origin_;                              ///< what stands behind o=
    MediaDirection direction_ = MediaDirection::sendrecv;  ///< the session's
    std::string_view setup_;                               ///< the session's
    boost::container::static_vector<SdpMedia, kMaxMedia> media_;
};

}  // namespace messenger::alg
