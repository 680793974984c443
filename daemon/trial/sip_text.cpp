// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trial/sip_text.h"

#include <fmt/format.h>

#include "alg/base/text.h"

namespace messenger::daemon {

namespace {

[[nodiscard]] std::string_view transport_name(alg::Transport transport) {
    return transport == alg::Transport::tcp ? "TCP" : "UDP";
}

[[nodiscard]] std::string contact(const SipParty& party) {
    return fmt::format("<sip:{}@{}{}>", party.user, party.own.to_string(),
                       party.transport == alg::Transport::tcp ? ";transport=tcp" : "");
}

[[nodiscard]] std::string with_body(std::string head, const std::string& body) {
    if (!body.empty()) head += "Content-Type: application/sdp\r\n";
    return head + fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
}

[[nodiscard]] std::string header_line(std::string_view message, std::string_view name) {
    return fmt::format("{}: {}\r\n", name, header_of(message, name));
}

}  // namespace

std::string write_request(const SipParty& from, const SipParty& to, const SipRequest& request) {
    static unsigned branch = 0;
    return with_body(
        fmt::format("{} {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bKtrial{}\r\nMax-Forwards: 70\r\n"
                    "From: <sip:{}@trial.invalid>;tag={}\r\nTo: <sip:{}@trial.invalid>{}\r\nCall-ID: {}\r\n"
                    "CSeq: {} {}\r\nContact: {}\r\n{}",
                    request.method, request.target, transport_name(from.transport), from.own.to_string(), ++branch,
                    from.user, from.tag, to.user, request.to_tag.empty() ? "" : ";tag=" + request.to_tag,
                    request.call_id, request.cseq, request.method, contact(from), request.extra),
        request.body);
}

std::string write_response(std::string_view request, unsigned status, const SipParty& from, const std::string& body) {
    std::string to = header_line(request, "To");
    if (to.find(";tag=") == std::string::npos) to.insert(to.size() - 2, ";tag=" + from.tag);
    // A registrar names the contact that it has; others their own.
    const bool registered = header_of(request, "CSeq").ends_with("REGISTER");
    const std::string own = registered ? fmt::format("{};expires=600", header_of(request, "Contact")) : contact(from);
    return with_body(fmt::format("SIP/2.0 {} {}\r\n{}{}{}{}{}Contact: {}\r\n", status, status < 200 ? "Ringing" : "OK",
                                 header_line(request, "Via"), header_line(request, "From"), to,
                                 header_line(request, "Call-ID"), header_line(request, "CSeq"), own),
                     body);
}

std::string write_sdp(const alg::Endpoint& media) {
    const std::string_view family = media.address.is_v4() ? "IP4" : "IP6";
    const std::string address = media.address.to_string();
    return fmt::format(
        "v=0\r\no=- 1 1 IN {0} {1}\r\ns=-\r\nc=IN {0} {1}\r\nt=0 0\r\nm=audio {2} RTP/AVP 0\r\na=rtpmap:0 "
        "PCMU/8000\r\n",
        family, address, media.port);
}

std::string_view header_of(std::string_view message, std::string_view name) {
    message = message.substr(0, message.find("\r\n\r\n"));
    const std::string line = fmt::format("\n{}:", name);
    const std::size_t at = message.find(line);
    if (at == std::string_view::npos) return {};
    message.remove_prefix(at + line.size());
    return alg::trim(message.substr(0, message.find('\r')));
}

std::size_t message_length(std::string_view bytes) {
    const std::size_t head = bytes.find("\r\n\r\n");
    if (head == std::string_view::npos) return 0;
    const auto body = alg::parse_number(header_of(bytes, "Content-Length"));
    const std::size_t length = head + 4 + body.value_or(0);
    return bytes.size() < length ? 0 : length;
}

std::uint16_t media_port_of(std::string_view message) {
    constexpr std::string_view kAudio = "\nm=audio ";
    const std::size_t at = message.find(kAudio);
    if (at == std::string_view::npos) return 0;
    message.remove_prefix(at + kAudio.size());
    return static_cast<std::uint16_t>(alg::parse_number(message.substr(0, message.find(' '))).value_or(0));
}

std::string_view contact_of(std::string_view message) {
    std::string_view value = header_of(message, "Contact");
    const std::size_t open = value.find('<');
    const std::size_t close = value.find('>');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
    return value.substr(open + 1, close - open - 1);
}

}  // namespace messenger::daemon
