// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include <boost/container/small_vector.hpp>

#include "alg/limits.h"
#include "alg/nat/binding_table.h"
#include "alg/net/address.h"
#include "alg/plan.h"
#include "alg/policy.h"
#include "alg/sdp/sdp.h"

namespace messenger::alg {

/// One m= section reduced to what pinholes need. A value: it outlives the packet.
struct Stream {
    IpAddress address;            ///< 0.0.0.0 and :: mean "on hold, address not said" (RFC 3264 section 8.4)
    IpAddress rtcp_address;       ///< of a=rtcp, else address
    std::uint16_t port = 0;       ///< 0: refused or removed (RFC 3264 section 6)
    std::uint16_t rtcp_port = 0;  ///< of a=rtcp (RFC 3605); 0 without one
    std::uint8_t slot = 0;        ///< which m= line it is; offer and answer are matched by it (RFC 3264 section 6)
    std::uint8_t port_count = 1;
    MediaKind kind = MediaKind::other;
    PortRole role = PortRole::rtp;  ///< rtp stands for RTP and RTCP together
    MediaDirection direction = MediaDirection::sendrecv;
    bool rtcp_mux = false;
    /// An ICE candidate of the m= line (RFC 8839, and the draft-06 of Office Communicator 2007): this one port. Both
    /// ends try all pairs, so every pair of a local host candidate with a remote candidate may carry the media.
    bool candidate = false;
    bool foreign = false;  ///< a candidate that is not the host's own address but its NAT's or its relay's
    std::optional<RefuseReason> obstacle;  ///< why no pinhole can be made of it, whoever announced it
    bool permitted = false;                ///< announced by an inside host that may; see permit()

    bool operator==(const Stream&) const = default;
};

/// What a session description announces: the streams of its m= lines, and of all parts of a multipart body. Offer and
/// answer are paired by Stream::slot and not by place, so that those which can open nothing need not be kept.
struct Description {
    boost::container::small_vector<Stream, 2> streams;
    /// Who delivered it: the source of the packet. For a remote description this is the signalling peer.
    IpAddress delivered_by;
    /// NAT: the outside address behind which the inside host announces it; 0.0.0.0 without NAT.
    IpAddress behind;
    /// NAT: it named endpoints of ours, in place of which the inside ones stand here. So its addresses are those of
    /// hosts on this side.
    bool turned_back = false;
    /// It has announced streams, and none of them is kept: it refuses everything, as one that announces nothing does
    /// not.
    bool bare = false;

    /// Whether nothing has been announced.
    [[nodiscard]] bool empty() const { return streams.empty() && !bare; }
    /// The first of that m= line that is no candidate.
    [[nodiscard]] const Stream* find(std::uint8_t slot) const;
    /// Keeps of a local description, after permit(), what can have pinholes.
    void keep_permitted();
    /// Keeps of a remote description what can be the other end of one.
    void keep_remote_ends();
    /// Keeps as many streams as that, the first.
    void keep(std::size_t most);
    bool operator==(const Description&) const = default;
};

/// Adds the m= lines of one SDP.
void add_streams(const SdpView& sdp, const Limits& limits, Description& description);

/// The one place where security rule 1 and the address rules are decided: marks the streams for which an inside host
/// may have pinholes. sender: the source of the packet. Calls refused(stream, reason, port) for each that may not.
template <class Refused>
void permit(Description& description, const IpAddress& sender, const Policy& policy, const BindingTable& bindings,
            Refused&& refused);

/// Why this address may not be announced by sender, if it may not (rule 1; forbidden destinations).
[[nodiscard]] std::optional<RefuseReason> address_obstacle(const IpAddress& announced, const IpAddress& sender,
                                                           const Policy& policy);
/// The same for what a stream announces.
[[nodiscard]] std::optional<RefuseReason> addresses_obstacle(const Stream& stream, const IpAddress& sender,
                                                             const Policy& policy);
/// Why this port may never be opened, if it may not (rule 2). T.120 has its own port, outside the media range.
[[nodiscard]] std::optional<RefuseReason> port_obstacle(std::uint16_t port, PortRole role, const Policy& policy);

/// Why it cannot be reached from outside, if that is sure before anybody outside is known: T.120 keeps its number, and
/// that is reserved, and not the host's already. behind: the outside address; unspecified without NAT.
[[nodiscard]] std::optional<RefuseReason> outside_obstacle(const Stream& stream, const IpAddress& behind,
                                                           const BindingTable& bindings);

/// permit() for the candidates: host candidates with the sender's own address. The others are no offence; a host lists
/// all the addresses that it has.
void permit_candidates(Description& description, const IpAddress& sender, const Policy& policy);
[[nodiscard]] bool has_permitted_candidate(const Description& description, std::uint8_t slot);

/// The ports of a stream with their roles. RTCP is where a=rtcp says, or on the RTP port with rtcp-mux agreed, or on
/// the next port; an odd RTP port without a=rtcp may have been meant as either half of a pair (RFC 8866 section 5.14,
/// RFC 3550 section 11), so both neighbours are taken.
struct StreamPort {
    std::uint16_t port = 0;
    PortRole role = PortRole::rtp;
};
/// Where a stream has one of its ports.
[[nodiscard]] Endpoint endpoint_of(const Stream& stream, const StreamPort& port);
using StreamPorts = boost::container::static_vector<StreamPort, 24>;
[[nodiscard]] StreamPorts stream_ports(const Stream& stream, bool rtcp_mux_agreed);

template <class Refused>
void permit(Description& description, const IpAddress& sender, const Policy& policy, const BindingTable& bindings,
            Refused&& refused) {
    permit_candidates(description, sender, policy);
    for (Stream& stream : description.streams) {
        if (stream.candidate) continue;
        stream.permitted = false;
        if (stream.port == 0 && !stream.obstacle) continue;
        if (stream.obstacle) {
            refused(stream, *stream.obstacle, stream.port);
            continue;
        }
        if (stream.address.is_unspecified()) {
            stream.permitted = true;  // on hold: it opens nothing by itself
            continue;
        }
        auto reason = addresses_obstacle(stream, sender, policy);
        // With ICE the default address is often that of a relay; the host's own are among the candidates.
        if (reason == RefuseReason::not_sender_address && has_permitted_candidate(description, stream.slot)) continue;
        // Without its own port a stream is nothing: RTCP and the neighbours of a forbidden port stay closed too.
        if (!reason) reason = port_obstacle(stream.port, stream.role, policy);
        if (!reason) reason = outside_obstacle(stream, description.behind, bindings);
        if (reason) {
            refused(stream, *reason, stream.port);
            continue;
        }
        stream.permitted = true;
        for (const StreamPort& port : stream_ports(stream, false)) {
            if (const auto forbidden = port_obstacle(port.port, port.role, policy)) {
                refused(stream, *forbidden, port.port);
            }
        }
    }
}

}  // namespace messenger::alg
