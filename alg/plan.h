// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "alg/base/error.h"
#include "alg/base/time.h"
#include "alg/nat/edit_list.h"
#include "alg/nat/release_list.h"
#include "alg/net/tuple.h"
#include "alg/policy.h"
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

    auto operator<=>(const PinholeKey&) const = default;  // NOLINT(readability-implicit-bool-conversion): its bool
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
    failed,       ///< the INVITE had a final answer of 300 or more
    replaced,     ///< a new offer and answer moved or removed the stream
    fork_lost,    ///< another branch of a forked call was answered
    timeout,      ///< no first packet, or silence
    finished,     ///< the one connection of a file transfer has ended
    signed_off,   ///< the inside host whose fixed ranges were open has signed off, or its registration has ended
    tls_ended,    ///< the inside host whose fixed ranges were open has no TLS connection to its server any more
    expired,      ///< the session timer, the longest call, or an INVITE that nobody answered
    evicted,      ///< room was needed
    by_operator,  ///< an operator closed the call
    blocked,      ///< an operator blocked one of its hosts
};

enum class RefuseReason : std::uint8_t {
    not_sender_address,  ///< an inside host announces an address that is not its own, and is no relay
    not_own_word,        ///< an inside host announces ports, or a Contact, that an outside host has named first
    not_inside_address,  ///< a relay announces an address that is not inside
    forbidden_address,   ///< loopback, multicast, broadcast, or the gateway itself
    host_name,           ///< c= has a name; we do not resolve
    no_address,          ///< no c= at all
    multicast,           ///< several c= lines, or a TTL
    low_port,            ///< below 1024
    protected_port,
    port_out_of_range,     ///< outside Policy::media_ports
    no_file_port,          ///< of a file transfer, and not one of Messenger's
    contact_out_of_range,  ///< an inside host wants to be called at a port outside Policy::dynamic_sip_ports
    too_many_ports,        ///< "m=audio 5000/100"
    unknown_transport,
    tcp_media,  ///< TCP other than T.120
    too_many_calls,
    too_many_pinholes,
    too_many_dialogs,
    too_many_messages,
    too_many_registrations,
    too_many_flows,
    no_outside_port,     ///< NAT: every outside port is taken, or the inside host has its share
    outside_port_taken,  ///< NAT: a port that cannot be moved leads this remote, or everybody, to another inside host
    outside_port_reserved,  ///< NAT: a port that cannot be moved is reserved
    second_connection,      ///< to the port of a file transfer, which has one
    fixed_ranges_off,       ///< T.120 or a file transfer, with Policy::fixed_ranges off
    unknown_invitation,     ///< an address for a file transfer that nobody has offered in this dialog
    wrong_dialog,           ///< of a dialog by its tags, from a host that has no part in it; or its tags belong to none
    wrong_side,             ///< a packet with an inside source address that did not come from inside
    blocked,                ///< an operator has blocked one of the hosts
    not_understood,         ///< see RefuseEvent::error
};

/// What a call, or an invitation in it, is about.
enum class SessionKind : std::uint8_t {
    audio_video,
    fax,
    sharing,            ///< T.120: application sharing and whiteboard, which look the same in SIP
    file_transfer,      ///< Messenger's, by invitation
    instant_messages,   ///< over the signalling
    other_media,        ///< over UDP
    unknown_media,      ///< over what we do not open
    remote_assistance,  ///< by invitation or m= line; how its ticket travels is not known, so nothing is opened
    netmeeting,         ///< NetMeeting, by invitation
    voice_invitation,   ///< MSN's voice chat, by invitation; where SIP carries voice it says so in SDP
    other_invitation,
};
inline constexpr std::size_t kSessionKinds = static_cast<std::size_t>(SessionKind::other_invitation) + 1;

inline constexpr std::size_t kCloseReasons = static_cast<std::size_t>(CloseReason::blocked) + 1;
inline constexpr std::size_t kRefuseReasons = static_cast<std::size_t>(RefuseReason::not_understood) + 1;

enum class OpaqueReason : std::uint8_t {
    not_sip,  ///< the first bytes, or those after a message, are no start line
    beginning_not_seen,
    conflicting_segments,
    too_much_early_data,  ///< more bytes out of order, or of messages without end, than may be kept
    bad_framing,          ///< nobody can know where the next message begins
    too_large,
    compressed,     ///< both ends have agreed on it (NEGOTIATE)
    too_much_held,  ///< NAT: more packets wait for the rest of a message than may
    held_too_long,  ///< NAT: the rest of a message did not come in time
};

inline constexpr std::size_t kOpaqueReasons = static_cast<std::size_t>(OpaqueReason::held_too_long) + 1;

/// Stable lower-case names for JSON, metrics and comments. Static storage.
[[nodiscard]] std::string_view name(MediaKind kind);
[[nodiscard]] std::string_view name(PortRole role);
[[nodiscard]] std::string_view name(CloseReason reason);
[[nodiscard]] std::string_view name(RefuseReason reason);
[[nodiscard]] std::string_view name(OpaqueReason reason);
[[nodiscard]] std::string_view name(SessionKind kind);
/// Whether ports are opened for such a session, once it is agreed on.
[[nodiscard]] bool opens_ports(SessionKind kind);
/// Half a sentence for people.
[[nodiscard]] std::string_view describe(RefuseReason reason);
[[nodiscard]] std::string_view describe(OpaqueReason reason);
/// For people: "application sharing, whiteboard".
[[nodiscard]] std::string_view describe(SessionKind kind);

/// A call and a dialog of it under names that are the same after a restart: hashes of Call-ID and tags.
struct CallLabel {
    std::uint64_t call = 0;
    std::uint64_t dialog = 0;  ///< the same whichever tag comes first
    std::string_view call_id;  ///< empty for a call that was taken over from before a restart without its text
};

/// A change of the kernel's sets. A pinhole that two calls need is added once and removed once.
struct PinholeChange {
    /// Another call that needs the same pinhole, as CallLabel has it.
    struct Sharer {
        std::uint64_t call = 0;
        std::uint64_t dialog = 0;
        auto operator<=>(const Sharer&) const = default;
    };
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
    std::optional<Endpoint> outside;  ///< NAT: what the remote host knows as the inside endpoint
    std::uint16_t remote_port = 0;    ///< remove: the other end, for which a flow was seeded; 0 when not known
    std::optional<Sharer> sharer{};   ///< add, refresh: the first besides label's call
};

/// A change of the kernel's NAT maps: from now on, or no longer, one endpoint stands for the other.
struct BindingChange {
    enum class Kind : std::uint8_t { add, refresh, remove };
    Kind kind = Kind::add;
    Transport transport = Transport::udp;
    Endpoint inside;
    Endpoint outside;
    Duration timeout{};     ///< add, refresh
    bool listener = false;  ///< of a Contact; else of the call that label names
    CallLabel label;
};

/// Who holds a callback, as far as it is told to who comes after a restart.
struct CallbackHolders {
    std::uint32_t users = 1;      ///< registrations
    std::uint64_t marks = ~0ULL;  ///< of these, see CallbackTable::mark_of; with all of them anybody may be one
    bool calls = false;           ///< or calls that go on
    bool operator==(const CallbackHolders&) const = default;
};

/// The registrar that accepted an inside host's Contact may reach it there, or no longer.
struct CallbackChange {
    enum class Kind : std::uint8_t { add, refresh, remove };
    Kind kind = Kind::add;
    Transport transport = Transport::tcp;
    Endpoint inside;                  ///< the Contact: what goes there is signalling
    IpAddress remote;                 ///< the registrar
    std::optional<Endpoint> outside;  ///< NAT: what the registrar knows as the inside endpoint
    Duration timeout{};               ///< add, refresh
    bool last = false;                ///< remove: nobody else may call there
    CallbackHolders holders{};        ///< add, refresh
};

/// A TLS connection of an inside host to its server, which the packet path keeps an eye on: it need not be read any
/// more, and whether it lives can be asked (PinholeWitness).
struct TlsFlowChange {
    enum class Kind : std::uint8_t { add, remove };
    Kind kind = Kind::add;
    FlowTuple tuple;     ///< from the inside host to the server
    Duration timeout{};  ///< add
};

/// Both exact ends of a stream, known from offer and answer: the conntrack entry to be made beforehand.
struct FlowSeed {
    Transport transport = Transport::udp;
    Endpoint inside;
    Endpoint remote;
    std::optional<Endpoint> outside;  ///< NAT: what the remote host sends to
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

/// A session of this kind is offered, for the first time in its call.
struct SessionEvent {
    SessionKind kind = SessionKind::audio_video;
    FlowTuple tuple;        ///< of the packet that offers it
    std::string_view what;  ///< as written: the media of the m= line, or the GUID or name of the application
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
    PortRange allowed;                   ///< with port_out_of_range and contact_out_of_range
    std::uint16_t last_port = 0;         ///< with outside_port_taken and _reserved, of several neighbours: the last
    std::optional<IpAddress> owner;      ///< with outside_port_taken: who has it
    std::string_view user;               ///< the address of record of who asked; empty where the packet says all
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

/// A message leaves other than it came.
struct EditEvent {
    FlowTuple tuple;
    const EditList* edits = nullptr;    ///< of the whole message, or of its head if the body was still to come
    bool declines_compression = false;  ///< what it offers is unknown to the other side now
    std::string_view call_id;
};

using Event = std::variant<MessageEvent, MediaEvent, SessionEvent, OpenEvent, CloseEvent, RefuseEvent, OpaqueEvent,
                           RegistrationEvent, EditEvent>;

enum class Verdict : std::uint8_t { accept, drop };

/// What is to be remembered about a TCP connection beside its conntrack entry.
enum class FlowMark : std::uint8_t { none, sip, opaque };

/// The decisions about one packet, or about one moment. Kept and used again: clear() keeps the memory.
struct Plan {
    Verdict verdict = Verdict::accept;
    FlowMark flow_mark = FlowMark::none;
    std::vector<PinholeChange> changes;
    std::vector<BindingChange> bindings;
    std::vector<CallbackChange> callbacks;
    std::vector<TlsFlowChange> tls_flows;
    std::vector<FlowSeed> seeds;
    std::vector<Event> events;  ///< in the order in which things happened

    // What becomes of the bytes (NAT).
    std::span<const std::byte> replacement;  ///< the packet at hand as it goes on; empty: as it came
    /// The verdict on the packet at hand is in releases, now or in a later plan, and verdict does not count.
    bool released = false;
    ReleaseList releases;
    bool first_edit = false;  ///< the packet's connection carries its first edit: conntrack must not mind its numbers

    void clear() {
        verdict = Verdict::accept;
        flow_mark = FlowMark::none;
        changes.clear();
        bindings.clear();
        callbacks.clear();
        tls_flows.clear();
        seeds.clear();
        events.clear();
        replacement = {};
        released = false;
        releases.clear();
        first_edit = false;
    }
};

}  // namespace messenger::alg
