// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sdp/sdp.h"

#include <algorithm>

#include "alg/base/text.h"
#include "alg/sdp/lines.h"

namespace messenger::alg {

namespace {

[[nodiscard]] constexpr bool is_letter(char c) {
    return to_lower(c) >= 'a' && to_lower(c) <= 'z';
}

constexpr std::string_view kUsual = "IN IP4 ";  // nearly every connection; compared at once it costs nothing

/// A host name, and nothing that could be meant as an address: its last label is no number.
[[nodiscard]] bool is_host_name(std::string_view text) {
    bool number = true;
    bool empty = true;
    for (const char c : text) {
        if (c == '.') {
            if (empty) return false;
            empty = true;
            number = true;
            continue;
        }
        if (!is_letter(c) && !is_digit(c) && c != '-' && c != '_') return false;
        empty = false;
        number = number && is_digit(c);
    }
    return !text.empty() && !number;
}

/// The value of a c= line, and the tail of o= and a=rtcp: "IN IP4 192.0.2.1", "IN IP6 ff15::101/3". What follows the
/// address is left alone; some phones add words to c=. False if it cannot be read, connection is undefined then.
[[nodiscard]] bool read_connection(std::string_view value, SdpConnection& connection) {
    bool is_v6 = false;
    if (value.starts_with(kUsual)) {
        value.remove_prefix(kUsual.size());
    } else {
        if (!equals_ignoring_case(next_word(value), "IN")) return false;
        const std::string_view type = next_word(value);
        is_v6 = equals_ignoring_case(type, "IP6");
        if (!is_v6 && !equals_ignoring_case(type, "IP4")) return false;
    }
    connection.text = next_word(value);
    connection.address = {};
    // At once, because most are addresses, and no address has a slash.
    std::string_view host = connection.text;
    std::size_t slash = std::string_view::npos;
    auto address = IpAddress::parse(host);
    if (!address) {
        slash = host.find('/');
        host = host.substr(0, slash);
        address = IpAddress::parse(host);
    }
    if (!address) {
        if (!is_host_name(host)) return false;
        connection.kind = slash == std::string_view::npos ? SdpConnection::Kind::name : SdpConnection::Kind::multicast;
        return true;
    }
    if (is_v6 != (std::find(host.begin(), host.end(), ':') != host.end())) return false;
    if (slash != std::string_view::npos || address->is_multicast()) {
        connection.kind = SdpConnection::Kind::multicast;
        return true;
    }
    connection.kind = SdpConnection::Kind::address;
    connection.address = *address;
    return true;
}

[[nodiscard]] MediaKind media_kind(std::string_view media) {
    switch (media.size()) {
        case 4: return equals_literal(media, "text") ? MediaKind::text : MediaKind::other;
        case 5:
            if (equals_literal(media, "audio")) return MediaKind::audio;
            if (equals_literal(media, "video")) return MediaKind::video;
            return equals_literal(media, "image") ? MediaKind::image : MediaKind::other;
        case 7: return equals_literal(media, "message") ? MediaKind::message : MediaKind::other;
        case 11: return equals_literal(media, "application") ? MediaKind::application : MediaKind::other;
        // RTC before 1.3
        case 12: return equals_literal(media, "x-ms-message") ? MediaKind::message : MediaKind::other;
        default: return MediaKind::other;
    }
}

[[nodiscard]] MediaTransport media_transport(std::string_view protocol) {
    if (starts_with_literal(protocol, "RTP/")) return MediaTransport::rtp;
    if (starts_with_ignoring_case(protocol, "UDP/TLS/RTP/")) return MediaTransport::rtp;
    if (starts_with_ignoring_case(protocol, "TCP/") || equals_ignoring_case(protocol, "TCP"))
        return MediaTransport::tcp;
    if (starts_with_ignoring_case(protocol, "UDP/") || equals_ignoring_case(protocol, "UDP") ||
        equals_ignoring_case(protocol, "UDPTL") || equals_ignoring_case(protocol, "DTLS/SCTP")) {
        return MediaTransport::udp;
    }
    return equals_ignoring_case(protocol, "sip") ? MediaTransport::sip : MediaTransport::other;
}

/// <port> or <port>/<number of ports>.
[[nodiscard]] bool read_port(std::string_view word, SdpMedia& media) {
    const std::size_t slash = word.find('/');
    const auto port = parse_number(word.substr(0, slash), UINT16_MAX);
    if (!port) return false;
    media.port = static_cast<std::uint16_t>(*port);
    media.port_text = word.substr(0, slash);
    if (slash == std::string_view::npos) return true;
    const auto count = parse_number(word.substr(slash + 1), UINT16_MAX);
    if (!count || *count == 0) return false;
    media.port_count = static_cast<std::uint16_t>(*count);
    return true;
}

/// a=rtcp:<port> [IN IP4 <address>].
[[nodiscard]] bool read_rtcp(std::string_view value, SdpMedia& media) {
    const auto port = parse_number(next_word(value), UINT16_MAX);
    if (!port) return false;
    SdpConnection connection;
    if (!trim(value).empty() && !read_connection(value, connection)) return false;
    const bool repeated = media.rtcp_port != 0;
    if (repeated && (media.rtcp_port != *port || media.rtcp_connection.kind != connection.kind ||
                     media.rtcp_connection.text != connection.text)) {
        return false;
    }
    media.rtcp_port = static_cast<std::uint16_t>(*port);
    media.rtcp_connection = connection;
    return true;
}

[[nodiscard]] std::optional<MediaDirection> media_direction(std::string_view attribute) {
    if (attribute == "sendrecv") return MediaDirection::sendrecv;
    if (attribute == "sendonly") return MediaDirection::sendonly;
    if (attribute == "recvonly") return MediaDirection::recvonly;
    if (attribute == "inactive") return MediaDirection::inactive;
    return std::nullopt;
}

/// "x=...". A second v= would begin another description, and we could not tell whose c= counts.
[[nodiscard]] bool is_line(std::string_view line, bool first) {
    if (line.size() < 2 || line[1] != '=' || !is_letter(line[0])) return false;
    return line[0] != 'v' || (first && trim(line.substr(2)) == "0");
}

/// Whether an attribute could be one that read_attribute reads. Most are not: a=rtpmap, a=fmtp, a=candidate.
[[nodiscard]] bool is_ours(std::string_view attribute) {
    if (attribute.size() < 2) return false;
    switch (attribute[0]) {
        case 'r': return attribute[1] == 'e' || attribute.starts_with("rtcp");
        case 's': return attribute[1] == 'e';
        case 'i': return attribute[1] == 'n';
        default: return false;
    }
}

}  // namespace

Expected<void> SdpView::parse(std::string_view text, const Limits& limits) {
    reset();
    text_ = text;
    const auto result = read_lines(limits);
    if (!result) reset();
    return result;
}

void SdpView::reset() {
    text_ = {};
    connection_ = {};
    origin_ = {};
    direction_ = MediaDirection::sendrecv;
    setup_ = {};
    media_.clear();
}

SdpConnection SdpView::origin() const {
    // o=<user> <id> <version> IN IP4 <address>, from its end, because some user names hold blanks.
    const std::string_view value = trim(origin_);
    const char* const end = value.data() + value.size();
    const char* at = end;
    for (int words = 0; words < 3; ++words) {
        while (at != value.data() && is_blank(at[-1])) --at;
        while (at != value.data() && !is_blank(at[-1])) --at;
    }
    SdpConnection connection;
    return read_connection({at, end}, connection) ? connection : SdpConnection{};
}

Expected<void> SdpView::read_lines(const Limits& limits) {
    LineReader lines(text_);
    std::string_view line;
    bool first = true;
    while (lines.next(line)) {
        if (line.empty() && !first && lines.at_end()) break;
        if (!is_line(line, first)) return Error::bad_sdp;
        first = false;
        const std::string_view value = line.substr(2);
        switch (line[0]) {
            case 'm':
                if (const auto result = read_media(line, limits); !result) return result;
                break;
            case 'c':
                if (!read_connection_line(value)) return Error::bad_sdp_address;
                break;
            case 'a':
                if (is_ours(value) && !read_attribute(value)) return Error::bad_sdp_address;
                break;
            case 'o':
                if (media_.empty() && origin_.empty()) origin_ = value;
                break;
            default: break;
        }
    }
    if (first) return Error::bad_sdp;
    return {};
}

Expected<void> SdpView::read_media(std::string_view line, const Limits& limits) {
    if (media_.size() >= std::min(limits.media, kMaxMedia)) return Error::too_many_media;
    const auto begin = static_cast<std::size_t>(line.data() - text_.data());
    if (!media_.empty()) {
        std::string_view& previous = media_.back().section;
        previous.remove_suffix(text_.size() - begin);
    }
    SdpMedia& media = media_.emplace_back();
    std::string_view value = line.substr(2);
    media.media = next_word(value);
    if (!read_port(next_word(value), media)) return Error::bad_sdp_media;
    media.protocol = next_word(value);
    if (media.protocol.empty()) return Error::bad_sdp_media;
    media.formats = trim(value);
    media.kind = media_kind(media.media);
    media.transport = media_transport(media.protocol);
    media.direction = direction_;
    media.setup = setup_;
    media.connection = connection_;
    media.section = text_.substr(begin);
    return {};
}

bool SdpView::read_connection_line(std::string_view value) {
    const bool in_session = media_.empty();
    SdpConnection& connection = in_session ? connection_ : media_.back().connection;
    const bool again = in_session ? connection.kind != SdpConnection::Kind::none : media_.back().own_connection;
    if (!read_connection(value, connection)) return false;
    if (again) connection.kind = SdpConnection::Kind::multicast;
    if (!in_session) media_.back().own_connection = true;
    return true;
}

bool SdpView::read_attribute(std::string_view value) {
    if (value.starts_with("rtcp")) return read_rtcp_attribute(value);
    if (value.starts_with("setup:")) {
        (media_.empty() ? setup_ : media_.back().setup) = trim(value.substr(6));
    } else if (const auto direction = media_direction(trim(value))) {
        (media_.empty() ? direction_ : media_.back().direction) = *direction;
    }
    return true;
}

bool SdpView::read_rtcp_attribute(std::string_view value) {
    if (media_.empty()) return true;
    if (value.starts_with("rtcp:")) return read_rtcp(value.substr(5), media_.back());
    if (trim(value) == "rtcp-mux") media_.back().rtcp_mux = true;
    return true;
}

}  // namespace messenger::alg
