// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace messenger::bench {

/// An INVITE as a Messenger client sends it, with an audio offer: about 570 bytes.
[[nodiscard]] inline std::string invite(const std::string& call_id, const std::string& host) {
    const std::string sdp = "v=0\r\no=- 0 0 IN IP4 " + host + "\r\ns=session\r\nc=IN IP4 " + host +
                            "\r\nb=CT:1000\r\nt=0 0\r\nm=audio 5350 RTP/AVP 97 111 0 8 101\r\n"
                            "a=rtpmap:97 red/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
                            "a=encryption:optional\r\n";
    return "INVITE sip:bob@example.com SIP/2.0\r\n"
           "Via: SIP/2.0/UDP " +
           host +
           ":5060;branch=z9hG4bK776asdhds\r\n"
           "Max-Forwards: 70\r\n"
           "From: \"Alice\" <sip:alice@example.com>;tag=5c1d;epid=01ab23cd45\r\n"
           "To: <sip:bob@example.com>\r\n"
           "Call-ID: " +
           call_id +
           "\r\n"
           "CSeq: 1 INVITE\r\n"
           "Contact: <sip:alice@" +
           host +
           ":5060>\r\n"
           "User-Agent: RTC/1.3\r\n"
           "Content-Type: application/sdp\r\n"
           "Content-Length: " +
           std::to_string(sdp.size()) + "\r\n\r\n" + sdp;
}

/// The message that all parsers read.
inline const std::string kInvite = invite("0f3c9a77d2@10.1.2.3", "10.1.2.3");

}  // namespace messenger::bench
