// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "alg/base/error.h"
#include "alg/base/time.h"
#include "alg/net/tuple.h"
#include "alg/sdp/sdp.h"
#include "alg/sip/message.h"

namespace messenger::alg {

// What the engine decides, as data. Views in it live until the next call of the engine.

/// What the firewall is asked to admit: packets of the remote host to the inside endpoint, and the way back.
struct PinholeKey {
    Transport transport = Transport::udp;
    bool any_remote = false;  ///< the remote address is not known, or cannot be
    Endpoint inside;
    IpAddress remote;  ///< 0.0.0.0 with any_remote

    auto operator<=>(const PinholeKey&) const = default;
};

enum class PortRole : std::uint8_t { rtp, rtcp, udp, t120, file };

/// What a pinhole is for: "audio rtp".
struct Purpose {
    MediaKind kind = MediaKind::other;
    PortRole role = PortRole::udp;
    auto operator<=>(const Purpose&) const = default;
};

enum class CloseReason : std::uint8_t {
    bye,
    cancel,
    failed,     ///< the INVITE had a final answer of 300 or more
    replaced,   ///< a new offer and answer moved or removed the stream
    fork_lost,  ///< another branch of a forked call was answered
    timeout,    ///< no first packet, or silence
    expired,    ///< the session timer, the longest call, or an INVITE that nobody answered
    evicted,    ///< room was needed
};

enum class RefuseReason : std::uint8_t {
    not_sender_address,  ///< an inside host announces an address that is not its own, and is no relay
    not_inside_address,  ///< a relay announces an address that is not inside
    forbidden_address,   ///< loopback, multicast, broadcast, or the gateway itself
    host_name,           ///< c= has a name; we do not resolve
    no_address,          ///< no c= at all
    multicast,           ///< several c= lines, or a TTL
    low_port,            ///< below 1024
    protected_port,
    port_out_of_range,
    too_many_ports,  ///< "m=audio 5000/100"
    unknown_transport,
    tcp_media,  ///< TCP other than T.120
    too_many_calls,
    too_many_pinholes,
    too_many_dialogs,
    too_many_messages,
    too_many_flows,
    unknown_invitation,  ///< an address for a file transfer that nobody has offered in this dialog
    wrong_dialog,        ///< a BYE or a failure that does not belong to the dialog that it names
    not_understood,      ///< see RefuseEvent::error
};

inline constexpr std::size_t kCloseReasons = static_cast<std::size_t>(CloseReason::evicted) + 1;
inline constexpr std::size_t kRefuseReasons = static_cast<std::size_t>(RefuseReason::not_understood) + 1;

enum class OpaqueReason : std::uint8_t {
    not_sip,  ///< the first bytes, or those after a message, are no start line
    beginning_not_seen,
    conflicting_segments,
    too_much_early_data,
    bad_framing,  ///< nobody can know where the next message begins
    too_large,
};

inline constexpr std::size_t kOpaqueReasons = static_cast<std::size_t>(OpaqueReason::too_large) + 1;

/// Stable lower-case names for JSON, metrics and comments. Static storage.
[[nodiscard]] std::string_view name(MediaKind kind);
[[nodiscard]] std::string_view name(PortRole role);
[[nodiscard]] std::string_view name(CloseReason reason);
[[nodiscard]] std::string_view name(RefuseReason reason);
[[nodiscard]] std::string_view name(OpaqueReason reason);
/// Half a sentence for people.
[[nodiscard]] std::string_view describe(RefuseReason reason);
[[nodiscard]] std::string_view describe(OpaqueReason reason);

/// A call and a dialog of it under names that are the same after a restart: hashes of Call-ID and tags.
struct CallLabel {
    std::uint64_t call = 0;
    std::uint64_t dialog = 0;  ///< the same whichever tag comes first
    std::string_view call_id;  ///< empty for a call that was taken over from before a restart without its text
};

/// A change of the kernel's sets. A pinhole that two calls need is added once and removed once.
struct PinholeChange {
    enum class Kind : std::uint8_t {
        add,
        refresh,  ///< give it this timeout anew
        remove,
        forget,  ///< its timeout has removed it already; clear away what goes with it
    };
    Kind kind = Kind::add;
    PinholeKey key;
    Purpose purpose;
    Duration timeout{};  ///< add, refresh: until the first packet, or the time on hold
    CallLabel label;
};

/// Both exact ends of a stream, known from offer and answer: the conntrack entry to be made beforehand.
struct FlowSeed {
    Transport transport = Transport::udp;
    Endpoint inside;
    Endpoint remote;
};

struct MessageEvent {
    FlowTuple tuple;
    bool request = false;
    unsigned status = 0;
    std::string_view method;
    std::string_view request_uri;
    std::string_view reason;
    std::string_view call_id;
    std::string_view from;
    std::string_view to;
};

/// A session description passed, as offer or answer. One for every m= line.
struct MediaEvent {
    FlowTuple tuple;
    bool answer = false;
    MediaKind kind = MediaKind::other;
    MediaDirection direction = MediaDirection::sendrecv;
    std::uint16_t port = 0;
    std::string_view media;
    std::string_view protocol;
    std::string_view address;
    std::string_view call_id;
};

struct OpenEvent {
    PinholeKey key;
    Purpose purpose;
    Duration timeout{};
    /// The peer's SDP names a private address while its signalling comes from a public one: nobody can know where its
    /// media will come from, so the port is open to any remote.
    bool remote_is_private = false;
    std::string_view call_id;
};

struct CloseEvent {
    PinholeKey key;
    Purpose purpose;
    CloseReason reason = CloseReason::bye;
    std::string_view call_id;
};

struct RefuseEvent {
    RefuseReason reason = RefuseReason::not_understood;
    Error error = Error::not_sip;        ///< only with not_understood
    FlowTuple tuple;                     ///< the packet that asked
    std::optional<IpAddress> announced;  ///< the address asked for, where there is one
    std::uint16_t port = 0;              ///< the port asked for, where there is one
    std::string_view call_id;
};

struct OpaqueEvent {
    OpaqueReason reason = OpaqueReason::not_sip;
    FlowTuple tuple;  ///< of the packet that showed it
};

struct RegistrationEvent {
    Endpoint contact;
    FlowTuple tuple;
    std::uint32_t seconds = 0;  ///< 0: removed
    std::string_view call_id;
};

using Event =
    std::variant<MessageEvent, MediaEvent, OpenEvent, CloseEvent, RefuseEvent, OpaqueEvent, RegistrationEvent>;

enum class Verdict : std::uint8_t { accept, drop };

/// What is to be remembered about a TCP connection beside its conntrack entry.
enum class FlowMark : std::uint8_t { none, sip, opaque };

/// The decisions about one packet, or about one moment. Kept and used again: clear() keeps the memory.
struct Plan {
    Verdict verdict = Verdict::accept;
    FlowMark flow_mark = FlowMark::none;
    std::vector<PinholeChange> changes;
    std::vector<FlowSeed> seeds;
    std::vector<Event> events;  ///< in the order in which things happened

    void clear() {
        verdict = Verdict::accept;
        flow_mark = FlowMark::none;
        changes.clear();
        seeds.clear();
        events.clear();
    }
};

}  // namespace messenger::alg
