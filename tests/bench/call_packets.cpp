// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/call_packets.h"

#include <string_view>

namespace messenger::bench {

namespace {

using testing::ByteSpan;

// Marks, in the order of the lists below.
constexpr std::string_view kCall = "########";
constexpr std::string_view kHost = "@@@";
constexpr std::string_view kPort = "%%%%%";
constexpr std::string_view kSignallingPort = "&&&&&";

constexpr std::size_t kSsrcInRtp = 8;
constexpr std::size_t kSsrcInRtcp = 4;
constexpr std::size_t kMethodEnd = 8;  // of a payload, to tell messages apart

[[nodiscard]] std::string session(std::string_view address) {
    return "v=0\r\no=- 0 0 IN IP4 " + std::string(address) + "\r\ns=session\r\nc=IN IP4 " + std::string(address) +
           "\r\nb=CT:1000\r\nt=0 0\r\nm=audio " + std::string(kPort) +
           " RTP/AVP 97 111 0 8 101\r\na=rtpmap:97 red/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
           "a=fmtp:101 0-16\r\na=encryption:optional\r\n";
}

/// start: the start line. cseq: of the request. answered: To has a tag. contact, body: of who sends it.
[[nodiscard]] std::string message(std::string_view start, std::string_view cseq, bool answered,
                                  std::string_view contact, std::string_view body) {
    const std::string caller = "10.1.2." + std::string(kHost);
    std::string text = std::string(start) + "\r\nVia: SIP/2.0/UDP " + caller + ":" + std::string(kSignallingPort) +
                       ";branch=z9hG4bK" + std::string(cseq.substr(2)) + std::string(kCall) +
                       "\r\nMax-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@example.com>;tag=5c1d;epid=01ab23cd45\r\n"
                       "To: <sip:bob@example.com>" +
                       (answered ? ";tag=b1" : "") + "\r\nCall-ID: " + std::string(kCall) + "@" + caller +
                       "\r\nCSeq: " + std::string(cseq) + "\r\nContact: <sip:user@" + std::string(contact) +
                       ">\r\nUser-Agent: RTC/1.3\r\n";
    if (!body.empty()) text += "Content-Type: application/sdp\r\n";
    return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

[[nodiscard]] std::string from_inside(std::string_view method, std::string_view cseq, bool answered, bool with_body) {
    const std::string host = "10.1.2." + std::string(kHost);
    return message(std::string(method) + " sip:bob@example.com SIP/2.0", cseq, answered,
                   host + ":" + std::string(kSignallingPort), with_body ? session(host) : "");
}

[[nodiscard]] std::string rtp_payload() {
    return std::string("\x80\x00\x00\x01\x00\x00\x00\xa0\x00\x00\x00\x00", 12) + std::string(160, '\x55');
}

/// A receiver report without blocks, and a CNAME.
[[nodiscard]] std::string rtcp_payload() {
    return std::string("\x80\xc9\x00\x01\x00\x00\x00\x00\x81\xca\x00\x03\x00\x00\x00\x00\x01\x03lab\x00", 22) +
           std::string(2, '\0');
}

[[nodiscard]] std::uint8_t last_octet(const std::string& address) {
    const alg::IpAddress parsed = testing::address(address);
    return std::to_integer<std::uint8_t>(parsed.bytes().back());
}

[[nodiscard]] Template signalling_template(bool outbound, const std::string& outside, const std::string& text,
                                           std::initializer_list<std::string_view> marks) {
    const alg::Endpoint in = testing::endpoint("10.1.2.128", 0);
    const alg::Endpoint out = testing::endpoint(outside, 5060);
    return {outbound ? in : out, outbound ? out : in, text, marks};
}

[[nodiscard]] Template media_template(bool outbound, const std::string& outside, const std::string& payload) {
    return signalling_template(outbound, outside, payload, {});
}

}  // namespace

CallPackets::CallPackets(const Callers& callers)
    : first_host_(callers.first_host),
      outside_octet_(last_octet(callers.outside)),
      invite_(signalling_template(true, callers.outside, from_inside("INVITE", "1 INVITE", false, true),
                                  {kCall, kHost, kSignallingPort, kPort})),
      ok_(signalling_template(
          false, callers.outside,
          message("SIP/2.0 200 OK", "1 INVITE", true, callers.outside + ":5060", session(callers.outside)),
          {kCall, kHost, kSignallingPort, kPort})),
      ack_(signalling_template(true, callers.outside, from_inside("ACK", "1 ACK", true, false),
                               {kCall, kHost, kSignallingPort})),
      bye_(signalling_template(true, callers.outside, from_inside("BYE", "2 BYE", true, false),
                               {kCall, kHost, kSignallingPort})),
      bye_ok_(signalling_template(false, callers.outside,
                                  message("SIP/2.0 200 OK", "2 BYE", true, callers.outside + ":5060", ""),
                                  {kCall, kHost, kSignallingPort})),
      rtp_out_(media_template(true, callers.outside, rtp_payload())),
      rtp_in_(media_template(false, callers.outside, rtp_payload())),
      rtcp_out_(media_template(true, callers.outside, rtcp_payload())),
      rtcp_in_(media_template(false, callers.outside, rtcp_payload())) {}

ByteSpan CallPackets::signalling(Template& packet, std::uint32_t call, bool outbound) {
    const std::uint32_t host = first_host_ + call % kHosts;
    const std::uint32_t port = kFirstSignallingPort + call / kHosts % kFlows;
    packet.write(0, call);
    packet.write(1, host);
    packet.write(2, port);
    if (outbound) {
        packet.set_source(static_cast<std::uint8_t>(host), static_cast<std::uint16_t>(port));
    } else {
        packet.set_destination(static_cast<std::uint8_t>(host), static_cast<std::uint16_t>(port));
    }
    return packet.bytes();
}

ByteSpan CallPackets::media(Template& packet, std::uint32_t call, bool outbound, std::uint16_t second) {
    const auto host = static_cast<std::uint8_t>(first_host_ + call % kHosts);
    const auto inside = static_cast<std::uint16_t>(kFirstMediaPort + 2 * (call / kHosts % kPairs) + second);
    const auto outside = static_cast<std::uint16_t>(kFirstMediaPort + 2 * (call % kPairs) + second);
    if (outbound) {
        packet.set_source(host, inside);
        packet.set_destination(outside_octet_, outside);
    } else {
        packet.set_source(outside_octet_, outside);
        packet.set_destination(host, inside);
    }
    packet.set32(second == 0 ? kSsrcInRtp : kSsrcInRtcp, call);
    return packet.bytes();
}

ByteSpan CallPackets::invite(std::uint32_t call) {
    invite_.write(3, kFirstMediaPort + 2 * (call / kHosts % kPairs));
    return signalling(invite_, call, true);
}

ByteSpan CallPackets::ok(std::uint32_t call) {
    ok_.write(3, kFirstMediaPort + 2 * (call % kPairs));
    return signalling(ok_, call, false);
}

ByteSpan CallPackets::ack(std::uint32_t call) {
    return signalling(ack_, call, true);
}

ByteSpan CallPackets::bye(std::uint32_t call) {
    return signalling(bye_, call, true);
}

ByteSpan CallPackets::bye_ok(std::uint32_t call) {
    return signalling(bye_ok_, call, false);
}

ByteSpan CallPackets::rtp(std::uint32_t call, bool outbound) {
    return media(outbound ? rtp_out_ : rtp_in_, call, outbound, 0);
}

ByteSpan CallPackets::rtcp(std::uint32_t call, bool outbound) {
    return media(outbound ? rtcp_out_ : rtcp_in_, call, outbound, 1);
}

std::optional<CallPackets::Seen> CallPackets::recognise(ByteSpan packet) {
    constexpr std::byte kUdp{17};
    if (packet.size() < Template::kPayload + kMethodEnd + kSsrcInRtp || packet[9] != kUdp) return std::nullopt;
    const ByteSpan payload = packet.subspan(Template::kPayload);
    const auto word = [&](std::size_t at) {
        return std::uint32_t{testing::get16(payload, at)} << 16U | testing::get16(payload, at + 2);
    };
    const std::uint16_t source = testing::get16(packet, Template::kUdp);
    const std::uint16_t destination = testing::get16(packet, Template::kUdp + 2);
    if (source != 5060 && destination != 5060) {
        // The type of an RTCP packet is where RTP has its payload type.
        if (payload[1] == std::byte{0xc9}) return Seen{Kind::rtcp, word(kSsrcInRtcp)};
        if (payload[0] == std::byte{0x80}) return Seen{Kind::rtp, word(kSsrcInRtp)};
        return std::nullopt;
    }
    const std::string_view text = testing::to_text(payload);
    constexpr std::string_view kCallId = "\r\nCall-ID: ";
    constexpr std::string_view kCseq = "\r\nCSeq: ";
    const std::size_t id = text.find(kCallId);
    const std::size_t cseq = text.find(kCseq, id);
    if (cseq == std::string_view::npos) return std::nullopt;
    const auto call = static_cast<std::uint32_t>(read_number(payload, id + kCallId.size(), kCall.size()));
    const char number = text[cseq + kCseq.size()];
    switch (text.front()) {
        case 'I': return Seen{Kind::invite, call};
        case 'A': return Seen{Kind::ack, call};
        case 'B': return Seen{Kind::bye, call};
        case 'S': return Seen{number == '1' ? Kind::ok : Kind::bye_ok, call};
        default: return std::nullopt;
    }
}

}  // namespace messenger::bench
