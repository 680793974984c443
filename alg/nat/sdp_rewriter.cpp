// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/sdp_rewriter.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include <boost/container/static_vector.hpp>

#include "alg/base/text.h"
#include "alg/nat/lookup.h"
#include "alg/sdp/candidate.h"
#include "alg/sdp/lines.h"

namespace messenger::alg {

namespace {

constexpr std::uint16_t kActiveTcpPort = 9;  // RFC 4145 section 4: this side dials
constexpr std::string_view kRtcpLine = "a=rtcp:";
constexpr std::string_view kRemoteCandidates = "a=remote-candidates:";

/// What becomes of a medium.
struct Target {
    enum class Fate : std::uint8_t {
        neutral,  ///< nobody connects to it: it does not matter where it is
        moved,
        refused,
        stays,  ///< there is no translation, or not one that the peer's ICE would take
    };
    Fate fate = Fate::neutral;
    Endpoint to;  ///< for moved
};

using Targets = boost::container::static_vector<Target, SdpView::kMaxMedia>;

/// What becomes of a c= line.
struct Connection {
    bool blocked = false;         ///< and of the media under it: nothing
    std::optional<IpAddress> to;  ///< absent: it stays
};

[[nodiscard]] bool is_neutral(const SdpMedia& media) {
    return media.port == 0 || media.transport == MediaTransport::sip || media.kind == MediaKind::message ||
           (media.transport == MediaTransport::tcp && media.port == kActiveTcpPort);
}

[[nodiscard]] Transport transport_of(const SdpMedia& media) {
    return media.transport == MediaTransport::tcp ? Transport::tcp : Transport::udp;
}

[[nodiscard]] bool has_candidates(const SdpMedia& media) {
    CandidateReader candidates(media.section);
    return candidates.next().has_value() || candidates.unreadable() > 0;
}

/// Whether ICE would still find its default among its candidates when both are moved.
[[nodiscard]] bool may_move_with_candidates(const SdpMedia& media) {
    const Endpoint standard{media.connection.address, media.port};
    CandidateReader candidates(media.section);
    bool any = false;
    while (const auto candidate = candidates.next()) {
        any = true;
        if (candidate->type == CandidateType::host && candidate->transport == CandidateTransport::udp &&
            candidate->endpoint == standard) {
            return true;
        }
    }
    return !any && candidates.unreadable() == 0;
}

[[nodiscard]] Target target_of(const SdpMedia& media, const Translation& translation) {
    if (is_neutral(media)) return {};
    Target target;
    target.fate = Target::Fate::stays;
    if (media.connection.kind != SdpConnection::Kind::address) return target;
    const auto to =
        look_up(translation, transport_of(media), media.connection.text, {media.connection.address, media.port});
    if (!to) return target;
    if (to->port == 0) {
        target.fate = Target::Fate::refused;
    } else if (may_move_with_candidates(media)) {
        target.fate = Target::Fate::moved;
        target.to = *to;
    }
    return target;
}

/// Takes a medium into account that stands under a c= line.
void add_to(Connection& connection, const Target& target) {
    if (target.fate == Target::Fate::stays) connection.blocked = true;
    if (target.fate != Target::Fate::moved) return;
    if (connection.to && *connection.to != target.to.address) connection.blocked = true;
    connection.to = target.to.address;
}

/// When all media under a c= line have been taken into account.
void conclude(Connection& connection, const SdpConnection& line, const Translation& translation) {
    if (connection.blocked) {
        connection.to.reset();
    } else if (!connection.to && line.kind == SdpConnection::Kind::address) {
        connection.to = look_up(translation, line.text, line.address);
    }
}

[[nodiscard]] Connection session_connection(const SdpView& sdp, const Targets& targets,
                                            const Translation& translation) {
    Connection connection;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        if (!sdp.media()[i].own_connection) add_to(connection, targets[i]);
    }
    conclude(connection, sdp.connection(), translation);
    return connection;
}

[[nodiscard]] Connection media_connection(const SdpMedia& media, const Target& target, const Translation& translation) {
    Connection connection;
    // The fallback part of Office Communicator has port 0 and candidates: they stay, so their c= does.
    if (target.fate == Target::Fate::neutral && has_candidates(media)) return connection;
    add_to(connection, target);
    conclude(connection, media.connection, translation);
    return connection;
}

void rewrite_candidates(const SdpMedia& media, const Translation& translation, EditList& edits) {
    CandidateReader candidates(media.section);
    while (const auto candidate = candidates.next()) {
        if (candidate->type != CandidateType::host || candidate->transport == CandidateTransport::tcp_active) continue;
        const Transport transport = candidate->transport == CandidateTransport::udp ? Transport::udp : Transport::tcp;
        const auto to = look_up(translation, transport, candidate->address_text, candidate->endpoint);
        if (!to || to->port == 0) continue;
        edits.replace(candidate->address_text, to->address.to_string());
        edits.replace_number(candidate->port_text, to->port);
    }
}

/// "a=remote-candidates:1 192.0.2.10 40350 2 192.0.2.10 40351"
void rewrite_remote_candidates(const SdpMedia& media, const Translation& translation, EditList& edits) {
    LineReader lines(media.section);
    std::string_view line;
    while (lines.next(line)) {
        if (!line.starts_with(kRemoteCandidates)) continue;
        std::string_view rest = line.substr(kRemoteCandidates.size());
        while (!next_word(rest).empty()) {  // the component
            const std::string_view address_text = next_word(rest);
            const std::string_view port_text = next_word(rest);
            const auto address = IpAddress::parse(address_text);
            const auto port = parse_number(port_text, UINT16_MAX);
            if (!address || !port) break;
            // Which transport it is stands with the candidate, not here; what the gateway opens is UDP.
            const auto to =
                look_up(translation, Transport::udp, address_text, {*address, static_cast<std::uint16_t>(*port)});
            if (!to || to->port == 0) continue;
            edits.replace(address_text, to->address.to_string());
            edits.replace_number(port_text, to->port);
        }
    }
}

/// The a=rtcp lines of a medium; the parser lets one be repeated. False without one.
bool rewrite_rtcp_lines(const SdpMedia& media, const Translation& translation, EditList& edits) {
    const bool own_address = media.rtcp_connection.kind != SdpConnection::Kind::none;
    const SdpConnection& connection = own_address ? media.rtcp_connection : media.connection;
    std::optional<Endpoint> to;
    if (connection.kind == SdpConnection::Kind::address && media.rtcp_port != 0) {
        to = look_up(translation, Transport::udp, connection.text, {connection.address, media.rtcp_port});
    }
    bool found = false;
    LineReader lines(media.section);
    std::string_view line;
    while (lines.next(line)) {
        if (!line.starts_with(kRtcpLine)) continue;
        found = true;
        if (!to || to->port == 0) continue;
        std::string_view rest = line.substr(kRtcpLine.size());
        edits.replace_number(next_word(rest), to->port);
        if (!own_address) continue;
        (void)next_word(rest);  // IN
        (void)next_word(rest);  // IP4
        edits.replace(next_word(rest), to->address.to_string());
    }
    return found;
}

/// "\r\n" or "\n", as the lines of this medium end, or if it has but one, those before it.
[[nodiscard]] std::string_view line_end_of(std::string_view section, std::string_view text) {
    std::size_t end = section.find('\n');
    if (end == std::string_view::npos) {
        section = text;
        end = section.find('\n');
    }
    const bool bare = end != std::string_view::npos && (end == 0 || section[end - 1] != '\r');
    return bare ? "\n" : "\r\n";
}

/// Where RTCP is, if nothing said so and the next port is no longer the one.
void announce_rtcp(const SdpMedia& media, const Target& target, std::string_view text, const Translation& translation,
                   EditList& edits) {
    if (media.port_count != 1 || media.port == UINT16_MAX) return;
    const Endpoint implied{media.connection.address, static_cast<std::uint16_t>(media.port + 1)};
    const auto to = look_up(translation, Transport::udp, media.connection.text, implied);
    if (!to || to->port == 0 || to->address != target.to.address || to->port == target.to.port + 1) return;
    // Behind the last line that is not empty, which may lack its line end.
    const std::size_t last = media.section.find_last_not_of("\r\n");
    std::string line(line_end_of(media.section, text));
    line += kRtcpLine;
    line += std::to_string(to->port);
    edits.replace(media.section.substr(last + 1, 0), line);
}

void rewrite_media(const SdpView& sdp, const SdpMedia& media, const Target& target, const Translation& translation,
                   EditList& edits) {
    if (target.fate == Target::Fate::refused) edits.replace_number(media.port_text, 0);
    if (target.fate != Target::Fate::moved) return;
    if (media.port != target.to.port) edits.replace_number(media.port_text, target.to.port);
    if (media.transport == MediaTransport::rtp && !rewrite_rtcp_lines(media, translation, edits)) {
        announce_rtcp(media, target, sdp.text(), translation, edits);
    }
    rewrite_candidates(media, translation, edits);
}

void rewrite_connection(const SdpConnection& line, const Connection& connection, EditList& edits) {
    if (connection.to) edits.replace(line.text, connection.to->to_string());
}

/// As of old, by 0.0.0.0 (RFC 3264 section 8.4): nothing in it tells where the session is.
[[nodiscard]] bool is_on_hold(const SdpView& sdp) {
    const auto is_null = [](const SdpConnection& line) {
        return line.kind == SdpConnection::Kind::address && line.address.is_unspecified();
    };
    if (sdp.connection().kind != SdpConnection::Kind::none) return is_null(sdp.connection());
    const auto& media = sdp.media();
    return !media.empty() &&
           std::all_of(media.begin(), media.end(), [&](const SdpMedia& one) { return is_null(one.connection); });
}

}  // namespace

bool rewrite_sdp(const SdpView& sdp, const Translation& translation, EditList& edits) {
    const std::size_t before = edits.size();
    std::size_t repeated = 0;
    Targets targets;
    for (const SdpMedia& media : sdp.media()) targets.push_back(target_of(media, translation));

    const Connection session = session_connection(sdp, targets, translation);
    rewrite_connection(sdp.connection(), session, edits);
    const bool in_session = sdp.connection().kind != SdpConnection::Kind::none;
    // Origin follows the connection that speaks for the whole description.
    const SdpConnection origin = sdp.origin();
    std::optional<IpAddress> to;
    if (sdp.connection().address == origin.address) to = session.to;
    if (is_on_hold(sdp)) to = look_up(translation, origin.text, origin.address);
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const SdpMedia& media = sdp.media()[i];
        Connection own;
        if (media.own_connection) {
            own = media_connection(media, targets[i], translation);
            rewrite_connection(media.connection, own, edits);
            if (!in_session && !to && media.connection.address == origin.address) to = own.to;
        }
        const std::size_t own_edits = edits.size();
        rewrite_remote_candidates(media, translation, edits);
        repeated += edits.size() - own_edits;
        if (!(media.own_connection ? own : session).blocked) rewrite_media(sdp, media, targets[i], translation, edits);
    }
    if (to && origin.kind == SdpConnection::Kind::address && is_replaceable(origin.text, origin.address)) {
        edits.replace(origin.text, to->to_string());
    }
    return edits.size() > before + repeated;
}

}  // namespace messenger::alg
