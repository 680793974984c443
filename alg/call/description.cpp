// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/description.h"

#include <algorithm>

#include "alg/call/session_kind.h"
#include "alg/net/t120_port.h"
#include "alg/sdp/candidate.h"

namespace messenger::alg {

namespace {

constexpr PortRange kFilePorts{6891, 6901};  // KB 903056 has ten of them, later documents eleven
constexpr std::uint16_t kFirstOpenPort = 1024;
constexpr std::uint16_t kRtcpComponent = 2;
constexpr std::size_t kMaxCandidates = 16;  // of one m= line
constexpr std::size_t kMaxStreams = 64;     // of all parts of a multipart body

/// The one TCP medium that we open.
[[nodiscard]] bool is_t120(const SdpMedia& media) {
    return media.port == kT120Port && is_sharing(media);
}

[[nodiscard]] std::optional<RefuseReason> connection_obstacle(const SdpConnection& connection) {
    switch (connection.kind) {
        case SdpConnection::Kind::address: return std::nullopt;
        case SdpConnection::Kind::none: return RefuseReason::no_address;
        case SdpConnection::Kind::name: return RefuseReason::host_name;
        case SdpConnection::Kind::multicast: return RefuseReason::multicast;
    }
    return RefuseReason::no_address;
}

[[nodiscard]] std::optional<RefuseReason> transport_obstacle(const SdpMedia& media) {
    switch (media.transport) {
        case MediaTransport::rtp:
        case MediaTransport::udp: return std::nullopt;
        case MediaTransport::tcp:
            if (is_t120(media)) return std::nullopt;
            return RefuseReason::tcp_media;
        case MediaTransport::sip:  // never reaches here: no stream is made of it
        case MediaTransport::other: break;
    }
    return RefuseReason::unknown_transport;
}

[[nodiscard]] PortRole role_of(const SdpMedia& media) {
    if (media.transport == MediaTransport::rtp) return PortRole::rtp;
    return media.transport == MediaTransport::tcp ? PortRole::t120 : PortRole::udp;
}

[[nodiscard]] Stream make_stream(const SdpMedia& media, std::uint8_t slot, const Limits& limits) {
    Stream stream;
    stream.slot = slot;
    stream.kind = media.kind;
    stream.role = role_of(media);
    stream.direction = media.direction;
    stream.rtcp_mux = media.rtcp_mux;
    stream.port = media.port;
    if (media.port == 0) return stream;
    stream.rtcp_port = media.rtcp_port;
    stream.address = media.connection.address;
    stream.rtcp_address = stream.address;
    if (media.rtcp_connection.kind == SdpConnection::Kind::address) {
        stream.rtcp_address = media.rtcp_connection.address;
    }
    stream.obstacle = transport_obstacle(media);
    if (!stream.obstacle) stream.obstacle = connection_obstacle(media.connection);
    if (!stream.obstacle && media.port_count > limits.port_count) stream.obstacle = RefuseReason::too_many_ports;
    if (!stream.obstacle) stream.port_count = static_cast<std::uint8_t>(media.port_count);
    return stream;
}

/// UDP alone: TCP candidates get no pinhole (security rule 2), but a line that offers TCP may have others beside them
/// (RFC 6544).
void add_candidates(const SdpMedia& media, std::uint8_t slot, Description& description) {
    if (is_sharing(media)) return;  // T.120 knows no ICE
    const PortRole role = media.transport == MediaTransport::udp ? PortRole::udp : PortRole::rtp;
    CandidateReader reader(media.section);
    std::size_t count = 0;
    while (const auto candidate = reader.next()) {
        if (candidate->transport != CandidateTransport::udp || candidate->endpoint.port == 0) continue;
        if (++count > kMaxCandidates || description.streams.size() == kMaxStreams) return;
        Stream stream;
        stream.candidate = true;
        stream.foreign = candidate->type != CandidateType::host;
        stream.slot = slot;
        stream.kind = media.kind;
        stream.role = candidate->component == kRtcpComponent ? PortRole::rtcp : role;
        stream.direction = media.direction;
        stream.address = candidate->endpoint.address;
        stream.rtcp_address = stream.address;
        stream.port = candidate->endpoint.port;
        description.streams.push_back(stream);
    }
}

}  // namespace

void permit_candidates(Description& description, const IpAddress& sender, const Policy& policy) {
    for (Stream& stream : description.streams) {
        if (!stream.candidate) continue;
        stream.permitted = !stream.foreign && !address_obstacle(stream.address, sender, policy) &&
                           !port_obstacle(stream.port, stream.role, policy);
    }
}

bool has_permitted_candidate(const Description& description, std::uint8_t slot) {
    return std::any_of(description.streams.begin(), description.streams.end(), [slot](const Stream& stream) {
        return stream.candidate && stream.slot == slot && stream.permitted;
    });
}

const Stream* Description::find(std::uint8_t slot) const {
    const auto found = std::find_if(streams.begin(), streams.end(),
                                    [slot](const Stream& stream) { return stream.slot == slot && !stream.candidate; });
    return found == streams.end() ? nullptr : &*found;
}

void Description::keep_permitted() {
    const auto end =
        std::remove_if(streams.begin(), streams.end(), [](const Stream& stream) { return !stream.permitted; });
    keep(static_cast<std::size_t>(end - streams.begin()));
}

void Description::keep_remote_ends() {
    const auto end = std::remove_if(streams.begin(), streams.end(),
                                    [](const Stream& stream) { return stream.port == 0 || stream.obstacle; });
    keep(static_cast<std::size_t>(end - streams.begin()));
}

void Description::keep(std::size_t most) {
    if (most >= streams.size()) return;
    streams.resize(most);
    bare = streams.empty();
}

void add_streams(const SdpView& sdp, const Limits& limits, Description& description) {
    std::uint8_t slot = 0;
    for (const SdpMedia& media : sdp.media()) {
        // Messenger's instant messages run over the signalling; the port of such a line is not listened on ([MS-SDP]
        // 3.1.5.3). MSRP has the same media name, but a connection of its own.
        if (media.transport != MediaTransport::sip && description.streams.size() < kMaxStreams) {
            description.streams.push_back(make_stream(media, slot, limits));
            if (media.port != 0) add_candidates(media, slot, description);
        }
        ++slot;
    }
}

std::optional<RefuseReason> address_obstacle(const IpAddress& announced, const IpAddress& sender,
                                             const Policy& policy) {
    if (announced.is_multicast() || announced.is_broadcast() || announced.is_unspecified()) {
        return RefuseReason::forbidden_address;
    }
    const auto& own = policy.protected_addresses;
    if (std::find(own.begin(), own.end(), announced) != own.end()) return RefuseReason::forbidden_address;
    if (announced == sender) return std::nullopt;  // the caller has checked that the sender is inside
    if (announced.is_loopback()) return RefuseReason::forbidden_address;
    if (!policy.relays.contains(sender)) return RefuseReason::not_sender_address;
    if (!policy.inside.contains(announced)) return RefuseReason::not_inside_address;
    return std::nullopt;
}

std::optional<RefuseReason> addresses_obstacle(const Stream& stream, const IpAddress& sender, const Policy& policy) {
    const auto reason = address_obstacle(stream.address, sender, policy);
    if (reason || stream.rtcp_address == stream.address) return reason;
    return address_obstacle(stream.rtcp_address, sender, policy);
}

std::optional<RefuseReason> port_obstacle(std::uint16_t port, PortRole role, const Policy& policy) {
    const bool fixed = role == PortRole::file || role == PortRole::t120;
    if (fixed && policy.fixed_ranges == FixedRanges::off) return RefuseReason::fixed_ranges_off;
    if (port < kFirstOpenPort) return RefuseReason::low_port;
    if (std::binary_search(policy.protected_ports.begin(), policy.protected_ports.end(), port)) {
        return RefuseReason::protected_port;
    }
    if (role == PortRole::file) {
        if (!kFilePorts.contains(port)) return RefuseReason::no_file_port;
        return std::nullopt;
    }
    if (role == PortRole::t120) {
        if (port != kT120Port) return RefuseReason::tcp_media;
        return std::nullopt;
    }
    if (!policy.media_ports.contains(port)) return RefuseReason::port_out_of_range;
    return std::nullopt;
}

Endpoint endpoint_of(const Stream& stream, const StreamPort& port) {
    return {port.role == PortRole::rtcp ? stream.rtcp_address : stream.address, port.port};
}

std::optional<RefuseReason> outside_obstacle(const Stream& stream, const IpAddress& behind,
                                             const BindingTable& bindings) {
    if (stream.role != PortRole::t120 || behind.is_unspecified()) return std::nullopt;
    if (!bindings.is_closed_to(Transport::tcp, {behind, stream.port}, {stream.address, stream.port})) {
        return std::nullopt;
    }
    return RefuseReason::outside_port_reserved;
}

StreamPorts stream_ports(const Stream& stream, bool rtcp_mux_agreed) {
    StreamPorts ports;
    const auto add = [&ports](std::uint32_t port, PortRole role) {
        if (port == 0 || port > UINT16_MAX || ports.size() == ports.capacity()) return;
        const auto same = [port](const StreamPort& known) { return known.port == port; };
        if (std::none_of(ports.begin(), ports.end(), same)) {
            ports.push_back({static_cast<std::uint16_t>(port), role});
        }
    };
    const std::uint32_t first = stream.port;
    if (stream.candidate) {
        add(first, stream.role);
        return ports;
    }
    if (stream.role != PortRole::rtp) {
        for (std::uint32_t i = 0; i < stream.port_count; ++i) add(first + i, stream.role);
        return ports;
    }
    for (std::uint32_t pair = 0; pair < stream.port_count; ++pair) add(first + 2 * pair, PortRole::rtp);
    if (rtcp_mux_agreed) return ports;
    if (stream.rtcp_port != 0) {
        add(stream.rtcp_port, PortRole::rtcp);
        return ports;
    }
    for (std::uint32_t pair = 0; pair < stream.port_count; ++pair) add(first + 2 * pair + 1, PortRole::rtcp);
    if (first % 2 != 0) add(first - 1, PortRole::rtp);
    return ports;
}

}  // namespace messenger::alg
