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
// clang-format off
constexpr auto kTable = std::to_array<Key>({
    {"network", "inside", [](Config& c) -> auto& { return c.network.inside; }, kNone,
     "Networks on the inside: the hosts that calls are made for."},
    {"network", "inside_interfaces", [](Config& c) -> auto& { return c.network.inside_interfaces; }, kNone,
     "Interfaces whose networks are on the inside; followed when their addresses change."},
    {"network", "relays", [](Config& c) -> auto& { return c.network.relays; }, kNone,
     "Inside hosts, such as a media server, that may announce media for other inside hosts."},
    {"network", "protected_ports", [](Config& c) -> auto& { return c.network.protected_ports; }, kPorts,
     "Inside ports that no message can open. Ports below 1024, 5060 and 5061 are never opened, listed or not."},
    {"network", "media_ports", [](Config& c) -> auto& { return c.network.media_ports; }, {1024, 65'535},
     "Inside UDP ports that a message may open for audio and video."},

    {"sip", "ports", [](Config& c) -> auto& { return c.sip.ports; }, kPorts,
     "Where SIP is spoken, over UDP and TCP."},
    {"sip", "early_media", [](Config& c) -> auto& { return c.sip.early_media; }, kNone,
     "What opens the pinholes: the answer, or already the offer (for any sender, until the answer names one)."},
    {"sip", "dynamic_ports", [](Config& c) -> auto& { return c.sip.dynamic_ports; }, {1024, 65'535},
     "TCP ports at which inside hosts may listen for calls of their server; Group Policy calls them SIP dynamic "
     "ports."},

    {"passage", "mode", [](Config& c) -> auto& { return c.passage.mode; }, kNone,
     "How media passes the other firewall rules of this host: as part of a known connection, or by a packet mark."},
    {"passage", "mark", [](Config& c) -> auto& { return c.passage.mark; }, kAnyMark,
     "The packet mark of allowed media, with mode \"mark\"."},
    {"passage", "mark_mask", [](Config& c) -> auto& { return c.passage.mark_mask; }, {1, UINT32_MAX},
     "The bits of the packet mark that it occupies."},

    {"nat", "interfaces", [](Config& c) -> auto& { return c.nat.interfaces; }, kNone,
     "Outside interfaces whose addresses the inside hosts share, over IPv4. Elsewhere no message is rewritten."},
    {"nat", "address", [](Config& c) -> auto& { return c.nat.address; }, kNone,
     "The address that this host's rules translate to; \"auto\" follows that of the interface."},
    {"nat", "advertised_address", [](Config& c) -> auto& { return c.nat.advertised_address; }, kNone,
     "What messages say in its place, behind another NAT that keeps the port numbers; \"auto\": the address itself."},
    {"nat", "media_ports", [](Config& c) -> auto& { return c.nat.media_ports; }, {1024, 65'535},
     "Outside ports for inside ports whose own number is taken."},
    {"nat", "keep_numbers", [](Config& c) -> auto& { return c.nat.keep_numbers; }, kNone,
     "Whether an inside port keeps its number outside where that is free."},
    {"nat", "reserved_ports", [](Config& c) -> auto& { return c.nat.reserved_ports; }, kPorts,
     "Outside ports that no inside host gets, because services of this host or forwarded ports have them; a range of "
     "them is written \"40000-40099\". Ports below 1024, and those that a socket of this host is bound to at start or "
     "reload, are never given, listed or not."},
    {"nat", "no_rewrite", [](Config& c) -> auto& { return c.nat.no_rewrite; }, kNone,
     "Outside hosts, such as a provider that sees to NAT itself, whose messages are never rewritten; only your own rules "
     "translate what goes there."},
    {"nat", "hold_time", [](Config& c) -> auto& { return c.limits.hold_time; }, {100, 60'000},
     "How long TCP packets wait for the rest of a message that may have to be rewritten. If a lost part comes later "
     "than that, the connection passes unread from there on."},
    {"nat", "hold_bytes", [](Config& c) -> auto& { return c.limits.held_bytes; }, {2048, 16'777'216},
     "How many bytes of one direction of a connection wait."},
    {"nat", "hold_packets", [](Config& c) -> auto& { return c.limits.held_segments; }, {2, 4096},
     "How many packets of one direction of a connection wait. All connections together have a quarter of queue.length; "
     "over that, the inside host with most packets that wait loses its largest connections: they pass unread."},
    {"nat", "mss_room", [](Config& c) -> auto& { return c.limits.mss_room; }, {0, 600},
     "By how many bytes the segments of SIP connections are made smaller, so that they may grow."},

    {"marks", "base_bit", [](Config& c) -> auto& { return c.marks.base_bit; }, {0, 32 - kMarkBits},
     "The lowest of the four bits of packet mark and ct mark that are used internally."},
    {"marks", "label", [](Config& c) -> auto& { return c.marks.label; }, {0, 127},
     "The label in conntrack (connlabel) that is used internally, for flows that are neither signalling nor media."},

    {"queue", "signalling", [](Config& c) -> auto& { return c.queue.signalling; }, kQueues,
     "NFQUEUE numbers for SIP; one thread reads them all."},
    {"queue", "admit", [](Config& c) -> auto& { return c.queue.admit; }, kQueues,
     "NFQUEUE number for the first packets of media."},
    {"queue", "length", [](Config& c) -> auto& { return c.queue.length; }, {64, 65'536},
     "Packets that one queue holds."},
    {"queue", "gather", [](Config& c) -> auto& { return c.queue.gather; }, {0, 20},
     "How long a packet may wait for others while many come, so that they share a transaction: where four or more in "
     "this time open or close something. Where they do not, a quarter of a millisecond at most, from 16,000 packets a "
     "second on. With \"0s\" none waits, and a busy gateway needs up to three times as much processor."},
    {"queue", "fallback", [](Config& c) -> auto& { return c.queue.fallback; }, kNone,
     "What becomes of packets that could not be decided because something failed here."},
    {"queue", "on_overload", [](Config& c) -> auto& { return c.queue.on_overload; }, kNone,
     "What becomes of packets that find their queue full."},

    {"policy", "malformed", [](Config& c) -> auto& { return c.policy.malformed; }, kNone,
     "What becomes of messages that cannot be understood. They never open anything."},
    {"policy", "observe", [](Config& c) -> auto& { return c.policy.observe; }, kNone,
     "Begin by only looking on: nothing is opened or changed, but all is logged. messenger-algctl observe ends it."},
    {"policy", "compression", [](Config& c) -> auto& { return c.policy.compression; }, kNone,
     "What becomes of SIP connections that their ends want to compress: not read any more once they agree, the offer "
     "made unknown to the other side so that they do not (never for nat.no_rewrite), or no difference made."},
    {"policy", "fixed_ranges", [](Config& c) -> auto& { return c.policy.fixed_ranges; }, kNone,
     "Whom TCP 1503 (application sharing) and 6891-6900 (file transfer) are opened to: the two hosts of a session "
     "that announces them, besides any host to every registered inside host, or nobody. Under NAT each port leads to "
     "the inside host that registered first; the transfers that others announce then find no port."},

    {"tls", "media", [](Config& c) -> auto& { return c.tls.media; }, kNone,
     "What is open for inside hosts that speak SIP over TLS, which nobody can read: nothing, or, while such a host has "
     "a TLS connection to one of tls.servers, its media_ports, TCP 1503 and 6891-6900, for anybody outside. Under NAT "
     "each port leads to the inside host that was connected first."},
    {"tls", "servers", [](Config& c) -> auto& { return c.tls.servers; }, kNone,
     "The networks of these servers."},
    {"tls", "port", [](Config& c) -> auto& { return c.tls.port; }, kPorts,
     "Their TCP port."},
    {"tls", "media_ports", [](Config& c) -> auto& { return c.tls.media_ports; }, {1024, 65'535},
     "The UDP ports that Group Policy pins the media of such clients to."},
    {"tls", "silence", [](Config& c) -> auto& { return c.tls.silence; }, seconds(5, 86'400),
     "A TLS connection that has said nothing for so long is none; clients send something every five minutes."},

    {"limits", "head_bytes", [](Config& c) -> auto& { return c.limits.head_bytes; }, {512, 1'048'576},
     "Start line and headers of one message, in bytes."},
    {"limits", "body_bytes", [](Config& c) -> auto& { return c.limits.body_bytes; }, {512, 1'048'576},
     "A body that is read, in bytes; longer ones are passed on unread."},
    {"limits", "headers", [](Config& c) -> auto& { return c.limits.headers; }, {16, 4096},
     "Header lines of one message."},
    {"limits", "media", [](Config& c) -> auto& { return c.limits.media; }, {1, 256},
     "m= lines of one session description."},
    {"limits", "port_count", [](Config& c) -> auto& { return c.limits.port_count; }, {1, 64},
     "Port pairs that one m= line may ask for."},
    {"limits", "flows", [](Config& c) -> auto& { return c.limits.flows; }, {1, 1'048'576},
     "TCP connections under inspection."},
    {"limits", "flows_per_host", [](Config& c) -> auto& { return c.limits.flows_per_host; }, {1, 1'048'576},
     "Of these, opened by one host (outside, an IPv6 /64). More are read only as long as there is room."},
    {"limits", "pending_bytes", [](Config& c) -> auto& { return c.limits.pending_bytes; }, {2048, 16'777'216},
     "Out-of-order bytes kept for one direction of a connection."},
    {"limits", "pending_segments", [](Config& c) -> auto& { return c.limits.pending_segments; }, {1, 4096},
     "Gaps between them. However many segments fill what lies between two gaps, they count once."},
    {"limits", "buffered_bytes", [](Config& c) -> auto& { return c.limits.buffered_bytes; }, {1'048'576, 1'073'741'824},
     "Bytes kept for all connections together. Over that, the host that has most loses its largest connections: they "
     "pass unread."},
    {"limits", "calls", [](Config& c) -> auto& { return c.limits.calls; }, {1, 1'000'000},
     "Calls known at one time."},
    {"limits", "calls_per_host", [](Config& c) -> auto& { return c.limits.calls_per_host; }, {1, 1'000'000},
     "Calls of one inside host. At most half of them may be calls from outside that it has not answered."},
    {"limits", "calls_per_peer", [](Config& c) -> auto& { return c.limits.calls_per_peer; }, {1, 1'000'000},
     "Calls from one outside host (an IPv6 /64) that nobody inside has answered yet."},
    {"limits", "pinholes", [](Config& c) -> auto& { return c.limits.pinholes; }, {1, 4'000'000},
     "Pinholes open at one time."},
    {"limits", "pinholes_per_host", [](Config& c) -> auto& { return c.limits.pinholes_per_host; }, {1, 4'000'000},
     "Pinholes of one inside host."},
    {"limits", "pinholes_per_call", [](Config& c) -> auto& { return c.limits.pinholes_per_call; }, {2, 65'536},
     "Pinholes of one call; with ICE there is one for every pair of candidates. Of the streams that a call announces 512 "
     "are kept, or two for each pinhole if that is more."},
    {"limits", "dialogs_per_call", [](Config& c) -> auto& { return c.limits.dialogs_per_call; }, {1, 256},
     "Answers that one forked call may have."},
    {"limits", "registrations", [](Config& c) -> auto& { return c.limits.registrations; }, {1, 1'000'000},
     "Registrations known at one time."},
    {"limits", "registrations_per_host", [](Config& c) -> auto& { return c.limits.registrations_per_host; },
     {1, 1'000'000}, "Registrations of one inside host, and endpoints at which registrars may call it back."},
    {"limits", "bindings", [](Config& c) -> auto& { return c.limits.bindings; }, {1, 4'000'000},
     "Inside endpoints with an outside one (NAT) at one time."},
    {"limits", "bindings_per_host", [](Config& c) -> auto& { return c.limits.bindings_per_host; }, {1, 4'000'000},
     "Outside endpoints of one inside host."},
    {"limits", "messages_per_second", [](Config& c) -> auto& { return c.limits.messages_per_second; }, {0, 1'000'000},
     "Messages from one host; 0 is without limit."},
    {"limits", "message_burst", [](Config& c) -> auto& { return c.limits.message_burst; }, {1, 1'000'000},
     "Messages from one host that may come at once."},

    {"timeouts", "first_packet", [](Config& c) -> auto& { return c.limits.first_packet; }, seconds(1, 3600),
     "A pinhole that no packet has used yet."},
    {"timeouts", "media_silence", [](Config& c) -> auto& { return c.limits.media_silence; }, seconds(5, 86'400),
     "A pinhole after its last packet."},
    {"timeouts", "stream_silence", [](Config& c) -> auto& { return c.limits.stream_silence; }, seconds(60, 604'800),
     "The same for TCP: application sharing, file transfer."},
    {"timeouts", "transfer", [](Config& c) -> auto& { return c.limits.transfer; }, seconds(10, 86'400),
     "A file transfer that nobody has connected to yet."},
    {"timeouts", "hold", [](Config& c) -> auto& { return c.limits.hold; }, seconds(5, 604'800),
     "A pinhole of a stream on hold, after its last packet."},
    {"timeouts", "call", [](Config& c) -> auto& { return c.limits.call; }, seconds(60, 604'800),
     "A call, whatever happens in it."},
    {"timeouts", "invite", [](Config& c) -> auto& { return c.limits.invite; }, seconds(10, 3600),
     "A call that nobody has answered in any way."},
    {"timeouts", "ringing", [](Config& c) -> auto& { return c.limits.ringing; }, seconds(10, 86'400),
     "A call that rings or waits in a queue, after its last provisional answer. Unless it is set, never less than "
     "timeouts.invite nor more than timeouts.call."},
    {"timeouts", "transaction", [](Config& c) -> auto& { return c.limits.transaction; }, seconds(1, 3600),
     "How long a request may be repeated (64 * T1 of RFC 3261)."},
    {"timeouts", "quiet_call", [](Config& c) -> auto& { return c.limits.quiet_call; }, seconds(5, 86'400),
     "A call whose media have fallen silent, after its last message."},
    {"timeouts", "flow_idle", [](Config& c) -> auto& { return c.limits.flow_idle; }, seconds(10, 604'800),
     "A TCP connection without packets."},

    {"log", "level", [](Config& c) -> auto& { return c.log.level; }, kNone,
     "The least important level that is logged."},

    {"journal", "recent_calls", [](Config& c) -> auto& { return c.journal.recent_calls; }, {0, 100'000},
     "Calls that are remembered after their end."},
    {"journal", "bytes", [](Config& c) -> auto& { return c.journal.bytes; }, {65'536, 1'073'741'824},
     "Memory for what is remembered of calls, live ones included."},
    {"journal", "one_way", [](Config& c) -> auto& { return c.journal.one_way; }, seconds(0, 3600),
     "Audio that flows only one way for so long is reported; 0 s: never."},

    {"metrics", "textfile", [](Config& c) -> auto& { return c.metrics.textfile; }, kNone,
     "A file for the textfile collector of Prometheus' node_exporter; empty for none."},
    {"metrics", "interval", [](Config& c) -> auto& { return c.metrics.interval; }, seconds(1, 3600),
     "How often it is written."},

    {"control", "socket", [](Config& c) -> auto& { return c.control.socket; }, kNone,
     "UNIX socket of messenger-algctl."},
    {"control", "group", [](Config& c) -> auto& { return c.control.group; }, kNone,
     "A group whose members may use the socket; empty for root alone."},
});
// clang-format on

}  // namespace

std::span<const Key> key_table() {
    return kTable;
}

}  // namespace messenger::daemon
