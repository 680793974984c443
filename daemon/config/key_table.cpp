// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/key_table.h"

#include <array>

namespace messenger::daemon {

namespace {

constexpr Bounds kPorts = {1, 65'535};
constexpr Bounds kQueues = {0, 65'535};
constexpr Bounds kAnyMark = {0, UINT32_MAX};
constexpr Bounds kNone = {};

constexpr Bounds seconds(std::uint64_t least, std::uint64_t most) {
    return {least * 1000, most * 1000};
}

// A row says where the value lives, what may stand there and what it means; reading, writing, the complaints, the
// manual and the test of the default file all follow from it.
constexpr auto kTable = std::to_array<Key>({
    {"network", "inside", [](Config& c) -> auto& { return c.network.inside;
}  // namespace
, kNone, "Networks on the inside: the hosts that calls are made for."
}  // namespace messenger::daemon
, {"network", "inside_interfaces", [](Config& c) -> auto& {return c.network.inside_interfaces;
}
, kNone, "Interfaces whose networks are on the inside; followed when their addresses change."
}
, {"network", "relays", [](Config& c) -> auto& {return c.network.relays;
}
, kNone, "Inside hosts, such as a media server, that may announce media for other inside hosts."
}
, {"network", "protected_ports", [](Config& c) -> auto& {return c.network.protected_ports;
}
, kPorts, "Inside ports that no message can open. Ports below 1024, 5060 and 5061 are never opened, listed or not."
}
, {"network", "media_ports", [](Config& c) -> auto& {return c.network.media_ports;
}
, {1024, 65'535}, "Inside UDP ports that a message may open for audio and video."
}
,

    {"sip", "ports", [](Config& c) -> auto& {return c.sip.ports;
}
, kPorts, "Where SIP is spoken, over UDP and TCP."
}
, {"sip", "early_media", [](Config& c) -> auto& {return c.sip.early_media;
}
, kNone, "What opens the pinholes: the answer, or already the offer (for any sender, until the answer names one)."
}
,

    {"passage", "mode", [](Config& c) -> auto& {return c.passage.mode;
}
, kNone, "How media passes the other firewall rules of this host: as part of a known connection, or by a packet mark."
}
, {"passage", "mark", [](Config& c) -> auto& {return c.passage.mark;
}
, kAnyMark, "The packet mark of allowed media, with mode \"mark\"."
}
, {"passage", "mark_mask", [](Config& c) -> auto& {return c.passage.mark_mask;
}
, {1, UINT32_MAX}, "The bits of the packet mark that it occupies."
}
,

    {"marks", "base_bit", [](Config& c) -> auto& {return c.marks.base_bit;
}
, {0, 32 - kMarkBits}, "The lowest of the three bits of packet mark and ct mark that are used internally."
}
,

    {"queue", "signalling", [](Config& c) -> auto& {return c.queue.signalling;
}
, kQueues, "NFQUEUE numbers for SIP, one worker each."
}
, {"queue", "admit", [](Config& c) -> auto& {return c.queue.admit;
}
, kQueues, "NFQUEUE number for the first packets of media."
}
, {"queue", "length", [](Config& c) -> auto& {return c.queue.length;
}
, {64, 65'536}, "Packets that one queue holds."
}
, {"queue", "fallback", [](Config& c) -> auto& {return c.queue.fallback;
}
, kNone, "What becomes of packets that could not be decided because something failed here."
}
, {"queue", "on_overload", [](Config& c) -> auto& {return c.queue.on_overload;
}
, kNone, "What becomes of packets that find their queue full."
}
,

    {"policy", "malformed", [](Config& c) -> auto& {return c.policy.malformed;
}
, kNone, "What becomes of messages that cannot be understood. They never open anything."
}
,

    {"limits",
     "head_bytes",
     [](Config& c) -> std::size_t& { return c.limits.head_bytes; },
     {512, 1'048'576},
     "Start line and headers of one message, in bytes."},
    {"limits",
     "body_bytes",
     [](Config& c) -> std::size_t& { return c.limits.body_bytes; },
     {512, 1'048'576},
     "A body that is read, in bytes; longer ones are passed on unread."},
    {"limits",
     "headers",
     [](Config& c) -> std::size_t& { return c.limits.headers; },
     {16, 4096},
     "Header lines of one message."},
    {"limits",
     "media",
     [](Config& c) -> std::size_t& { return c.limits.media; },
     {1, 256},
     "m= lines of one session description."},
    {"limits",
     "port_count",
     [](Config& c) -> std::size_t& { return c.limits.port_count; },
     {1, 64},
     "Port pairs that one m= line may ask for."},
    {"limits",
     "flows",
     [](Config& c) -> std::size_t& { return c.limits.flows; },
     {1, 1'048'576},
     "TCP connections under inspection."},
    {"limits",
     "pending_bytes",
     [](Config& c) -> std::size_t& { return c.limits.pending_bytes; },
     {2048, 16'777'216},
     "Out-of-order bytes kept for one direction of a connection."},
    {"limits",
     "pending_segments",
     [](Config& c) -> std::size_t& { return c.limits.pending_segments; },
     {1, 4096},
     "Out-of-order segments kept for one direction of a connection."},
    {"limits",
     "buffered_bytes",
     [](Config& c) -> std::size_t& { return c.limits.buffered_bytes; },
     {1'048'576, 1'073'741'824},
     "Bytes kept for all connections together."},
    {"limits",
     "calls",
     [](Config& c) -> std::size_t& { return c.limits.calls; },
     {1, 1'000'000},
     "Calls known at one time."},
    {"limits",
     "calls_per_host",
     [](Config& c) -> std::size_t& { return c.limits.calls_per_host; },
     {1, 1'000'000},
     "Calls of one inside host."},
    {"limits",
     "pinholes",
     [](Config& c) -> std::size_t& { return c.limits.pinholes; },
     {1, 4'000'000},
     "Pinholes open at one time."},
    {"limits",
     "pinholes_per_host",
     [](Config& c) -> std::size_t& { return c.limits.pinholes_per_host; },
     {1, 4'000'000},
     "Pinholes of one inside host."},
    {"limits",
     "pinholes_per_call",
     [](Config& c) -> std::size_t& { return c.limits.pinholes_per_call; },
     {2, 65'536},
     "Pinholes of one call; with ICE there is one for every pair of candidates."},
    {"limits",
     "dialogs_per_call",
     [](Config& c) -> std::size_t& { return c.limits.dialogs_per_call; },
     {1, 256},
     "Answers that one forked call may have."},
    {"limits",
     "registrations",
     [](Config& c) -> std::size_t& { return c.limits.registrations; },
     {1, 1'000'000},
     "Registrations known at one time."},
    {"limits",
     "messages_per_second",
     [](Config& c) -> std::uint32_t& { return c.limits.messages_per_second; },
     {0, 1'000'000},
     "Messages from one host; 0 is without limit."},
    {"limits",
     "message_burst",
     [](Config& c) -> std::uint32_t& { return c.limits.message_burst; },
     {1, 1'000'000},
     "Messages from one host that may come at once."},

    {"timeouts", "first_packet", [](Config& c) -> alg::Duration& { return c.limits.first_packet; }, seconds(1, 3600),
     "A pinhole that no packet has used yet."},
    {"timeouts", "media_silence", [](Config& c) -> alg::Duration& { return c.limits.media_silence; },
     seconds(5, 86'400), "A pinhole after its last packet."},
    {"timeouts", "stream_silence", [](Config& c) -> alg::Duration& { return c.limits.stream_silence; },
     seconds(60, 604'800), "The same for TCP: application sharing, file transfer."},
    {"timeouts", "transfer", [](Config& c) -> alg::Duration& { return c.limits.transfer; }, seconds(10, 86'400),
     "A file transfer that nobody has connected to yet."},
    {"timeouts", "hold", [](Config& c) -> alg::Duration& { return c.limits.hold; }, seconds(5, 604'800),
     "A pinhole of a stream on hold, after its last packet."},
    {"timeouts", "call", [](Config& c) -> alg::Duration& { return c.limits.call; }, seconds(60, 604'800),
     "A call, whatever happens in it."},
    {"timeouts", "invite", [](Config& c) -> alg::Duration& { return c.limits.invite; }, seconds(10, 3600),
     "A call that nobody has answered or refused."},
    {"timeouts", "transaction", [](Config& c) -> alg::Duration& { return c.limits.transaction; }, seconds(1, 3600),
     "How long a request may be repeated (64 * T1 of RFC 3261)."},
    {"timeouts", "quiet_call", [](Config& c) -> alg::Duration& { return c.limits.quiet_call; }, seconds(5, 86'400),
     "A call without pinholes, after its last message."},
    {"timeouts", "flow_idle", [](Config& c) -> alg::Duration& { return c.limits.flow_idle; }, seconds(10, 604'800),
     "A TCP connection without packets."},

    {"log", "level", [](Config& c) -> auto& {return c.log.level;
}
, kNone, "The least important level that is logged."
}
,

    {"control", "socket", [](Config& c) -> auto& {return c.control.socket;
}
, kNone, "UNIX socket of messenger-algctl."
}
, {"control", "group", [](Config& c) -> auto& {return c.control.group;
}
, kNone, "A group whose members may use the socket; empty for root alone."
}
,
});

}  // namespace

std::span<const Key> key_table() {
    return kTable;
}

}  // namespace messenger::daemon
