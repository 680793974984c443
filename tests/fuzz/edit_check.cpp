// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/edit_check.h"

#include <algorithm>
#include <utility>

#include "alg/base/text.h"
#include "alg/sdp/candidate.h"
#include "alg/sdp/invitation.h"
#include "alg/sip/content_length.h"
#include "alg/sip/multipart.h"
#include "tests/fuzz/require.h"

namespace messenger::test {

using alg::Endpoint;
using alg::HeaderId;
using alg::SdpConnection;
using alg::SdpMedia;
using alg::Transport;
using std::string_view;

namespace {

constexpr std::uint16_t kT120Port = 1503;
constexpr int kNesting = 2;

Transport transport_of(const SdpMedia& media) {
    return media.transport == alg::MediaTransport::tcp ? Transport::tcp : Transport::udp;
}

/// Nobody connects to it (port 0, what goes over the signalling, who dials himself): its number means nothing outside,
/// even if it happens to be that of something else that is bound, such as the host's SIP port.
bool is_neutral(const SdpMedia& media) {
    constexpr std::uint16_t kActivePort = 9;  // RFC 4145 section 4
    return media.port == 0 || media.transport == alg::MediaTransport::sip || media.kind == alg::MediaKind::message ||
           (media.transport == alg::MediaTransport::tcp && media.port == kActivePort);
}

/// RFC 3263 section 4.1: what the URI says, else as the message came. usual: that of the flow.
Transport transport_of(const alg::SipUri& uri, Transport usual) {
    const auto said = alg::find_parameter(uri.parameters, "transport");
    if (!said) return uri.secure ? Transport::tcp : usual;
    return alg::equals_ignoring_case(*said, "udp") ? Transport::udp : Transport::tcp;
}

std::uint16_t port_of(const alg::SipUri& uri) {
    if (uri.port != 0) return uri.port;
    const auto said = alg::find_parameter(uri.parameters, "transport");
    return uri.secure || (said && alg::equals_ignoring_case(*said, "tls")) ? 5061 : 5060;
}

}  // namespace

void EditCheck::remember(const alg::BindingTable& bindings) {
    before_ = std::exchange(now_, {});
    for (const auto& [key, binding] : bindings.all()) now_[{key.transport, key.inside}] = binding.port;
}

void EditCheck::check(const alg::EditEvent& event) {
    tuple_ = event.tuple;
    outbound_ = policy_.inside.contains(tuple_.source.address);
    declines_ = event.declines_compression;
    require(!event.edits->spoilt() && !event.edits->empty(), "an edit that is told of is one");
    event.edits->apply(text_);
    require(static_cast<std::ptrdiff_t>(text_.size()) ==
                static_cast<std::ptrdiff_t>(event.edits->text().size()) + event.edits->growth(),
            "growth is the growth");
    read(old_, event.edits->text());
    read(new_, text_);
    check_headers();
    check_body(old_.content_type(), old_.body(), new_.body(), kNesting);
}

/// A whole message, or its head alone.
void EditCheck::read(alg::SipMessageView& view, string_view text) const {
    if (view.parse(text, limits_)) return;
    require(view.parse_head(text, limits_).has_value(), "an edited message can be read");
}

void EditCheck::check_headers() {
    require(old_.is_request() == new_.is_request() && old_.status() == new_.status(), "a request stays one");
    require(old_.method_text() == new_.method_text() && old_.reason() == new_.reason(), "method and reason stay");
    require(old_.lines().size() == new_.lines().size(), "as many headers");
    if (old_.request_uri() != new_.request_uri()) check_uri(old_.request_uri(), new_.request_uri(), true);
    for (std::size_t i = 0; i < old_.lines().size(); ++i) check_line(old_.lines()[i], new_.lines()[i]);
}

void EditCheck::check_line(const alg::HeaderLine& before, const alg::HeaderLine& after) {
    require(old_.name_of(before) == new_.name_of(after), "the same headers");
    const string_view was = old_.value_of(before);
    const string_view is = new_.value_of(after);
    if (was == is) return;
    switch (before.id) {
        case HeaderId::contact: check_contacts(was, is); break;
        case HeaderId::content_length:
            require(alg::parse_content_length(is) == new_.body().size(), "Content-Length is that of the body");
            break;
        case HeaderId::via: {
            const auto old_via = alg::parse_via(old_.top_via());
            const auto new_via = alg::parse_via(new_.top_via());
            require(old_via && new_via && old_via->host == new_via->host && old_via->parameters == new_via->parameters,
                    "of Via only the port");
            break;
        }
        case HeaderId::compression: require(declines_ && was.size() == is.size(), "an offer that is declined"); break;
        default: require(before.id == HeaderId::ms_text_format, "no other header is edited");
    }
}

void EditCheck::check_contacts(string_view before, string_view after) const {
    while (!before.empty()) {
        const auto was = alg::parse_name_address(alg::next_list_value(before));
        const auto is = alg::parse_name_address(alg::next_list_value(after));
        require(was.has_value() == is.has_value(), "as many contacts");
        if (!was) continue;
        require(was->parameters == is->parameters, "a contact keeps its parameters");
        if (was->uri != is->uri) check_uri(was->uri, is->uri, false);
    }
    require(after.empty(), "no contact more");
}

void EditCheck::check_uri(string_view before, string_view after, bool target) const {
    const auto was = alg::parse_sip_uri(before);
    const auto is = alg::parse_sip_uri(after);
    require(was && is && was->user == is->user && was->secure == is->secure, "a URI keeps its user");
    const auto from = alg::contact_endpoint(*was);
    const auto to = alg::contact_endpoint(*is);
    require(from && to, "what is edited is an address");
    check_endpoint(transport_of(*was, tuple_.transport), {from->address, port_of(*was)}, {to->address, port_of(*is)},
                   target);
}

void EditCheck::check_body(string_view content_type, string_view before, string_view after, int nesting) {
    if (before == after) return;
    const auto type = alg::parse_content_type(content_type);
    require(type.has_value(), "a body without a type stays");
    if (type->is("application", "sdp")) return check_sdp(before, after);
    if (type->is_invitation()) return check_invitation(before, after);
    const auto boundary = alg::find_parameter(type->parameters, "boundary");
    require(boundary && nesting > 0, "no other body is edited");
    check_parts(*boundary, before, after, nesting);
}

void EditCheck::check_parts(string_view boundary, string_view before, string_view after, int nesting) {
    alg::MultipartReader old_parts(before, boundary);
    alg::MultipartReader new_parts(after, boundary);
    alg::BodyPart was;
    alg::BodyPart is;
    while (true) {
        const auto more = old_parts.next(was);
        const auto still = new_parts.next(is);
        require(more.has_value() == still.has_value() && (!more || *more == *still), "as many parts");
        if (!more || !*more) return;
        require(was.content_type == is.content_type && was.disposition == is.disposition, "a part keeps its type");
        if (was.content_length != is.content_length) {
            const auto old_length = alg::parse_content_length(was.content_length);
            const auto new_length = alg::parse_content_length(is.content_length);
            require(old_length && new_length &&
                        std::ptrdiff_t{*new_length} - std::ptrdiff_t{*old_length} ==
                            static_cast<std::ptrdiff_t>(is.content.size()) -
                                static_cast<std::ptrdiff_t>(was.content.size()),
                    "the length of a part grows with it");
        }
        check_body(was.content_type, was.content, is.content, nesting - 1);
    }
}

void EditCheck::check_sdp(string_view before, string_view after) {
    alg::SdpView was;
    alg::SdpView is;
    require(was.parse(before, limits_) && is.parse(after, limits_), "SDP stays SDP");
    require(was.media().size() == is.media().size(), "as many media");
    for (const auto& [old_line, new_line] :
         {std::pair(was.connection(), is.connection()), std::pair(was.origin(), is.origin())}) {
        require(old_line.kind == new_line.kind, "a connection stays one");
        if (old_line.kind == SdpConnection::Kind::address) check_address(old_line.address, new_line.address);
    }
    for (std::size_t i = 0; i < was.media().size(); ++i) check_media(was.media()[i], is.media()[i]);
}

void EditCheck::check_media(const SdpMedia& before, const SdpMedia& after) const {
    require(before.media == after.media && before.protocol == after.protocol && before.formats == after.formats &&
                before.port_count == after.port_count && before.direction == after.direction &&
                before.rtcp_mux == after.rtcp_mux && before.setup == after.setup &&
                before.own_connection == after.own_connection,
            "a medium stays what it is");
    require(before.connection.kind == after.connection.kind, "its connection stays one");
    check_candidates(before, after);
    if (before.connection.kind != SdpConnection::Kind::address) return;
    const Endpoint old_end{before.connection.address, before.port};
    const Endpoint new_end{after.connection.address, after.port};
    if (old_end == new_end) return;
    if (is_neutral(before)) {
        require(old_end.port == new_end.port, "a port that nobody connects to stays");
        return check_address(old_end.address, new_end.address);
    }
    if (old_end.port == new_end.port && ports_of(transport_of(before), outbound_ ? old_end : new_end).empty()) {
        return check_address(old_end.address, new_end.address);
    }
    check_endpoint(transport_of(before), old_end, new_end);
    check_rtcp(before, after);
}

/// Where RTP has moved, RTCP is where it leads to what it led to.
void EditCheck::check_rtcp(const SdpMedia& before, const SdpMedia& after) const {
    if (before.transport != alg::MediaTransport::rtp || before.port_count != 1) return;
    if (before.port == 0 || before.port == UINT16_MAX || after.port == UINT16_MAX) return;
    const auto end_of = [](const SdpMedia& media) {
        const bool own = media.rtcp_connection.kind == SdpConnection::Kind::address;
        const auto next = static_cast<std::uint16_t>(media.port + 1);
        return Endpoint{own ? media.rtcp_connection.address : media.connection.address,
                        media.rtcp_port == 0 ? next : media.rtcp_port};
    };
    const Endpoint was = end_of(before);
    const Endpoint is = end_of(after);
    const auto ports = ports_of(Transport::udp, was);
    if (!outbound_ || ports.empty() || ports.contains(0) || !is_own(was.address)) return;
    require(is.address == path_.advertised && ports.contains(is.port), "RTCP leads where it led");
}

void EditCheck::check_candidates(const SdpMedia& before, const SdpMedia& after) const {
    alg::CandidateReader old_ones(before.section);
    alg::CandidateReader new_ones(after.section);
    while (const auto was = old_ones.next()) {
        const auto is = new_ones.next();
        require(is && was->component == is->component && was->type == is->type && was->transport == is->transport,
                "a candidate stays one");
        const bool udp = was->transport == alg::CandidateTransport::udp;
        check_endpoint(udp ? Transport::udp : Transport::tcp, was->endpoint, is->endpoint);
    }
    require(!new_ones.next(), "no candidate more");
}

void EditCheck::check_invitation(string_view before, string_view after) const {
    const auto was = alg::parse_invitation(before);
    const auto is = alg::parse_invitation(after);
    require(was && is && was->command == is->command && was->cookie == is->cookie, "an invitation stays one");
    require(was->address.has_value() == is->address.has_value() && was->port.has_value() == is->port.has_value(),
            "and names as much");
    if (!was->address) return;
    if (!was->port) return check_address(was->address->address, is->address->address);
    check_endpoint(Transport::tcp, {was->address->address, was->port->port}, {is->address->address, is->port->port});
}

void EditCheck::check_endpoint(Transport transport, const Endpoint& before, const Endpoint& after, bool target) const {
    if (before == after) return;
    const bool sharing = transport == Transport::tcp && before.port == kT120Port;
    if (outbound_) {
        require(target ? policy_.inside.contains(before.address) : is_own(before.address), "only the sender's own");
        require(after.address == path_.advertised, "our outside address");
        if (sharing && (after.port == 0 || after.port == kT120Port)) return;
        const auto ports = ports_of(transport, before);
        const bool keeps = after.port == before.port && !target && (ports.empty() || ports.contains(0));
        require(keeps || ports.contains(after.port), "its outside port");
    } else {
        require(before.address == path_.advertised, "only our own");
        require(policy_.inside.contains(after.address), "an inside host");
        if (sharing && after.port == kT120Port) return;
        require(ports_of(transport, after).contains(before.port), "that has this outside port");
    }
}

void EditCheck::check_address(const alg::IpAddress& before, const alg::IpAddress& after) const {
    if (before == after) return;
    if (outbound_) {
        require(is_own(before) && after == path_.advertised, "the sender's own address, or none");
    } else {
        require(before == path_.advertised && policy_.inside.contains(after), "our own address, or none");
    }
}

bool EditCheck::is_own(const alg::IpAddress& address) const {
    const alg::IpAddress& sender = tuple_.source.address;
    return address == sender || (policy_.relays.contains(sender) && policy_.inside.contains(address));
}

std::set<std::uint16_t> EditCheck::ports_of(Transport transport, const Endpoint& inside) const {
    std::set<std::uint16_t> ports;
    const auto old_port = before_.find({transport, inside});
    const auto new_port = now_.find({transport, inside});
    if (old_port == before_.end() && new_port == now_.end()) return ports;
    ports.insert(old_port == before_.end() ? 0 : old_port->second);
    ports.insert(new_port == now_.end() ? 0 : new_port->second);
    return ports;
}

}  // namespace messenger::test
