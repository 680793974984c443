// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/base/error.h"

namespace messenger::alg {

std::string_view describe(Error error) {
    switch (error) {
        case Error::truncated_packet: return "the packet is shorter than its headers say";
        case Error::not_ip: return "neither IPv4 nor IPv6";
        case Error::bad_ip_header: return "impossible IP header";
        case Error::fragment: return "an IP fragment without the rest";
        case Error::other_transport: return "neither UDP nor TCP";
        case Error::bad_transport_header: return "impossible UDP or TCP header";
        case Error::not_sip: return "the first line is no SIP start line";
        case Error::too_large: return "the message is larger than the limit";
        case Error::too_many_headers: return "more header lines than the limit";
        case Error::bad_header: return "a header line without a name, or no empty line behind the headers";
        case Error::bad_content_length: return "Content-Length is not one number";
        case Error::body_truncated: return "the datagram ends before Content-Length";
        case Error::missing_header: return "Call-ID, CSeq, From or To is missing";
        case Error::repeated_header: return "a single-valued header stands twice with different values";
        case Error::bad_cseq: return "CSeq cannot be read or names another method";
        case Error::bad_address: return "From or To cannot be read";
        case Error::bad_sdp: return "the body is no SDP";
        case Error::bad_sdp_media: return "an m= line cannot be read";
        case Error::bad_sdp_address: return "a c= or a=rtcp line cannot be read";
        case Error::too_many_media: return "more m= lines than the limit";
        case Error::bad_multipart: return "the multipart body cannot be taken apart";
        case Error::bad_invitation: return "the invitation cannot be read";
        case Error::bad_base64: return "an encoded body does not decode";
    }
    return "unknown";
}

std::string_view name(Error error) {
    switch (error) {
        case Error::truncated_packet: return "truncated_packet";
        case Error::not_ip: return "not_ip";
        case Error::bad_ip_header: return "bad_ip_header";
        case Error::fragment: return "fragment";
        case Error::other_transport: return "other_transport";
        case Error::bad_transport_header: return "bad_transport_header";
        case Error::not_sip: return "not_sip";
        case Error::too_large: return "too_large";
        case Error::too_many_headers: return "too_many_headers";
        case Error::bad_header: return "bad_header";
        case Error::bad_content_length: return "bad_content_length";
        case Error::body_truncated: return "body_truncated";
        case Error::missing_header: return "missing_header";
        case Error::repeated_header: return "repeated_header";
        case Error::bad_cseq: return "bad_cseq";
        case Error::bad_address: return "bad_address";
        case Error::bad_sdp: return "bad_sdp";
        case Error::bad_sdp_media: return "bad_sdp_media";
        case Error::bad_sdp_address: return "bad_sdp_address";
        case Error::too_many_media: return "too_many_media";
        case Error::bad_multipart: return "bad_multipart";
        case Error::bad_invitation: return "bad_invitation";
        case Error::bad_base64: return "bad_base64";
    }
    return "unknown";
}

}  // namespace messenger::alg
