// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

namespace messenger::alg {

/// Why something on the wire could not be understood: one value per cause, so that a counter and a sentence can be
/// given to each. Never fatal: what is not understood is passed on untouched.
enum class Error : std::uint8_t {
    // packet
    truncated_packet,      ///< a header says that there is more than the packet holds
    not_ip,                ///< neither IPv4 nor IPv6
    bad_ip_header,         ///< impossible lengths, or an IPv6 extension chain without end
    fragment,              ///< a fragment that is not the whole datagram
    other_transport,       ///< neither UDP nor TCP
    bad_transport_header,  ///< impossible lengths in a UDP or TCP header
    // SIP framing and message
    not_sip,             ///< the first line is no SIP start line
    too_large,           ///< head or body above its limit
    too_many_headers,    ///< more header lines than the limit
    bad_header,          ///< a header line without a name or a colon
    bad_content_length,  ///< not a number, too large, or several that differ
    body_truncated,      ///< a datagram shorter than its Content-Length
    missing_header,      ///< one of Call-ID, CSeq, From, To is missing
    repeated_header,     ///< a header that may stand once stands twice with different values
    bad_cseq,            ///< no number, above 2^31, or its method is not the request's
    bad_address,         ///< From or To cannot be read
    // bodies
    bad_sdp,          ///< not SDP: a line that is not "x=...", or a wrong v=
    bad_sdp_media,    ///< an m= line that cannot be read
    bad_sdp_address,  ///< a c= or a=rtcp line that cannot be read
    too_many_media,   ///< more m= lines than the limit
    bad_multipart,    ///< no boundary, or parts that never end
    bad_invitation,   ///< not "Name: value" lines, or a value that cannot be read
    bad_base64,       ///< an encoded body that does not decode
};

/// One sentence part for people, such as "Content-Length is not a number". Static storage.
[[nodiscard]] std::string_view describe(Error error);

/// The stable lower-case name for counters and JSON, such as "bad_content_length". Static storage.
[[nodiscard]] std::string_view name(Error error);

}  // namespace messenger::alg
