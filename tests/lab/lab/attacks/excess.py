# SPDX-License-Identifier: GPL-2.0-or-later
"""More than each of [limits] allows, by one inside host, with the limit made small."""

import socket
import time

from lab.attacks.attack import Attack
from lab.attacks.field import ATTACKER_MEDIA, END, VICTIM_MEDIA, data_of, openings, opaque, refused
from lab.forge import ACK, PSH, sequence_numbers
from lab.scene import Call, audio, sdp
from lab.tcp import Listener, dial

PAD = "x" * 1500


def _datagram_call(field, invite, answer=None):
    """INVITE and 200; both arrive."""
    data, source = field.datagram(data_of(invite))
    assert field.scene.nat or data == data_of(invite)
    field.answer_datagram(data_of(answer or field.response(invite)), source)


def _stream_call(field, invite):
    here, there = field.connect()
    field.pass_through(here, there, data_of(invite))
    field.pass_through(there, here, data_of(field.response(invite)))


def long_head(transport):
    def act(field):
        invite = field.invite("head", transport=transport, extra=[("X-Padding", PAD)])
        (_stream_call if transport == "TCP" else _datagram_call)(field, invite)

    return act


def long_body(transport):
    def act(field):
        body = sdp(field.victim.ip4, audio(VICTIM_MEDIA) + f"\r\na=x:{PAD}")
        invite = field.request("INVITE", "body", body, transport=transport)
        (_stream_call if transport == "TCP" else _datagram_call)(field, invite)

    return act


def many_headers(field):
    extra = [("X", str(number)) for number in range(20)]
    _datagram_call(field, field.invite("headers", transport="UDP", extra=extra))


def many_media(field):
    body = sdp(field.victim.ip4, audio(VICTIM_MEDIA), audio(VICTIM_MEDIA + 2))
    invite = field.request("INVITE", "media", body, transport="UDP")
    answer = sdp(field.attacker.ip4, audio(ATTACKER_MEDIA), audio(ATTACKER_MEDIA + 2))
    _datagram_call(field, invite, field.response(invite, body=answer))


def _agents(field):
    """The victim's phone and the attacker's."""
    return [field.scene.agent(host, transport="udp") for host in (field.victim, field.attacker)]


def many_ports(field):
    medium = audio(VICTIM_MEDIA).replace(f" {VICTIM_MEDIA} ", f" {VICTIM_MEDIA}/2 ")
    _datagram_call(field, field.request("INVITE", "ports", sdp(field.victim.ip4, medium), transport="UDP"))


def _keep_own(field, most):
    """The victim's calls may have so many pinholes, all of its own ports and for who answers."""
    mine = {one for one in openings(field.lab.gateway) if one[1] == field.victim.ip4}
    assert all(one[0] in (field.attacker.ip4, field.lab.peer.ip4, field.lab.server.ip4) for one in mine), mine
    assert 0 < len(mine) <= most, f"{len(mine)} pinholes"
    field.expected |= mine
    field.honest_openings += len(mine)


def many_connections(field):
    """The first of them are read and open what they ask for, the others pass."""
    listener = field.scene.keep(Listener(field.attacker, 5060))
    for number in range(8):
        here = field.scene.keep(dial(field.victim, listener.address))
        there = field.scene.keep(listener.accept()[0])
        invite = field.invite(f"connection-{number}", port=VICTIM_MEDIA + 2 * number)
        field.pass_through(here, there, data_of(invite), end=b"\r\n" * 8)
        field.pass_through(there, here, data_of(field.response(invite)), end=b"\r\n" * 8)
    _keep_own(field, 2 * 4)


def connections_beyond_a_share(field):
    """There is room for all of them, at the cost of each other; the first alone has a place that it keeps."""
    listener = field.scene.keep(Listener(field.attacker, 5060))
    first = None
    for number in range(8):
        here = field.scene.keep(dial(field.victim, listener.address))
        there = field.scene.keep(listener.accept()[0])
        first = first or (here, there)
        field.pass_through(here, there, data_of(field.invite(f"share-{number}", port=VICTIM_MEDIA + 2 * number)), end=b"\r\n" * 8)
    here, there = first
    field.pass_through(there, here, data_of(field.response(field.invite("share-0"))), end=b"\r\n" * 8)
    _keep_own(field, 2)


def _early(pieces):
    """Segments behind a gap that is not filled for a while. pieces: (offset, length)."""

    def act(field):
        here, there = field.connect()
        invite = field.invite("early", extra=[("X-Padding", PAD + PAD)])
        data = data_of(invite) + END
        seq, ack = sequence_numbers(here)
        remote = (field.attacker.ip4, there.getsockname()[1])
        for offset, length in pieces:
            part = data[offset : offset + length]
            field.forger(field.victim).tcp(here.getsockname(), remote, seq + offset, ack, ACK | PSH, part)
        time.sleep(0.05)
        assert here.send(data, socket.MSG_EOR) == len(data)
        arrived = b""
        while not arrived.endswith(END):
            arrived += there.recv(65536)
        assert arrived == data or field.scene.nat
        field.pass_through(there, here, data_of(field.response(invite)))

    return act


def many_unfinished(field):
    """Connections that each wait for the rest of a large message."""
    listener = field.scene.keep(Listener(field.attacker, 5060))
    for number in range(24):
        here = field.scene.keep(dial(field.victim, listener.address))
        there = field.scene.keep(listener.accept()[0])
        message = field.request("INVITE", f"unfinished-{number}", "v" * 60_000)
        data = data_of(message)[:-1]
        here.sendall(data)
        there.settimeout(6)
        got = 0
        while got < len(data):
            part = there.recv(65536)
            assert part, "the connection ended"
            got += len(part)


def many_calls(field):
    """INVITEs that ring for ever; all arrive."""
    caller, callee = _agents(field)
    for number in range(12):
        call = Call.outgoing(caller, callee.uri, callee.address)
        call.request("INVITE", sdp(field.victim.ip4, audio(VICTIM_MEDIA + 2 * number)))
        callee.receive("INVITE")


def many_calls_from_outside(field):
    """INVITEs of one outside host that nobody inside answers."""
    caller, callee = field.scene.agent(field.attacker, transport="udp"), field.scene.agent(field.victim, transport="udp")
    hello = Call.outgoing(callee, caller.uri, caller.address)
    hello.request("OPTIONS")
    shown = caller.receive("OPTIONS").source
    for number in range(12):
        call = Call.outgoing(caller, callee.uri, shown)
        call.request("INVITE", sdp(field.attacker.ip4, audio(ATTACKER_MEDIA + 2 * number)))
        callee.receive("INVITE")


def many_pinholes(most):
    """Calls that are answered, each with a pair of ports."""

    def act(field):
        caller, callee = _agents(field)
        for number in range(4):
            call = Call.outgoing(caller, callee.uri, callee.address)
            call.request("INVITE", sdp(field.victim.ip4, audio(VICTIM_MEDIA + 2 * number)))
            invite = callee.receive("INVITE")
            callee.reply(invite, 200, sdp(field.attacker.ip4, audio(ATTACKER_MEDIA)), tag="a")
            call.ack(caller.receive(200))
            callee.receive("ACK")
        _keep_own(field, most)

    return act


def many_pinholes_of_one_call(field):
    body = sdp(field.victim.ip4, *[audio(VICTIM_MEDIA + 2 * number) for number in range(4)])
    invite = field.request("INVITE", "wide", body, transport="UDP")
    answer = field.response(invite, body=sdp(field.attacker.ip4, *[audio(ATTACKER_MEDIA)] * 4))
    _datagram_call(field, invite, answer)
    _keep_own(field, 2)


def many_branches(field):
    caller, callee = _agents(field)
    call = Call.outgoing(caller, callee.uri, callee.address)
    call.request("INVITE", sdp(field.victim.ip4, audio(VICTIM_MEDIA)))
    invite = callee.receive("INVITE")
    for number in range(6):
        callee.reply(invite, 183, sdp(field.attacker.ip4, audio(ATTACKER_MEDIA)), tag=f"a{number}")
        caller.receive(lambda one, tag=f"a{number}": one.tag("To") == tag)
    _keep_own(field, 2)


def many_registrations(field):
    server = field.scene.agent(field.lab.server, transport="udp")
    for number in range(5):
        client = field.scene.agent(field.victim, 6000 + number, "udp")
        call = Call.outgoing(client, server.uri, server.address)
        call.request("REGISTER", extra=[("Expires", "300")])
        asked = server.receive("REGISTER")
        server.reply(asked, 200, tag="r", extra=[("Contact", f"{asked.get('Contact')};expires=300")])
        client.receive((200, "REGISTER"))
    mine = {one for one in openings(field.lab.gateway) if one[0] == field.lab.server.ip4}
    assert field.ctl.json("status")["registrations"] == 2
    field.expected |= mine


def many_messages(field):
    caller, callee = _agents(field)
    call = Call.outgoing(caller, callee.uri, callee.address)
    for _ in range(60):
        call.request("OPTIONS")
    for _ in range(60):
        callee.receive("OPTIONS")


ROUTED, NAT = ("routed",), ("nat",)
UNCLEAR, LARGE, EARLY = refused("not_understood"), opaque("too_large"), opaque("too_much_early_data")


def _excess(key, value, act, alert, gateways=ROUTED, name=None, **more):
    return Attack(name or key, act, alert, "victim", gateways, {f"limits.{key}": value, **more})


ATTACKS = [
    _excess("head_bytes", 1024, long_head("TCP"), LARGE),
    _excess("head_bytes", 1024, long_head("UDP"), UNCLEAR, name="head_bytes over UDP"),
    _excess("body_bytes", 1024, long_body("TCP"), UNCLEAR),
    _excess("body_bytes", 1024, long_body("UDP"), UNCLEAR, name="body_bytes over UDP"),
    _excess("headers", 16, many_headers, UNCLEAR),
    _excess("media", 1, many_media, UNCLEAR),
    _excess("port_count", 1, many_ports, refused("too_many_ports")),
    _excess("flows", 4, many_connections, refused("too_many_flows")),
    Attack("flows_per_host", connections_beyond_a_share, None, None, ROUTED, {"limits.flows": 4, "limits.flows_per_host": 1}),
    _excess("pending_bytes", 2048, _early([(200, 1200), (1400, 1200)]), EARLY),
    _excess("pending_segments", 2, _early([(200, 100), (400, 100), (600, 100)]), EARLY),
    _excess("buffered_bytes", 1 << 20, many_unfinished, EARLY),
    _excess("calls", 8, many_calls, refused("too_many_calls"), **{"limits.calls_per_host": 8}),
    _excess("calls_per_host", 8, many_calls, refused("too_many_calls")),
    _excess("calls_per_peer", 8, many_calls_from_outside, refused("too_many_calls")),
    _excess("pinholes", 6, many_pinholes(4), refused("too_many_pinholes"), **{"limits.pinholes_per_host": 6}),
    _excess("pinholes_per_host", 4, many_pinholes(4), refused("too_many_pinholes")),
    _excess("pinholes_per_call", 2, many_pinholes_of_one_call, refused("too_many_pinholes")),
    _excess("dialogs_per_call", 3, many_branches, refused("too_many_dialogs")),
    # What is said about it is held by test_the_log_names_the_key_that_sets_the_limit alone.
    Attack("registrations", many_registrations, None, None, ROUTED, {"limits.registrations": 2}),
    Attack("registrations_per_host", many_registrations, None, None, ROUTED, {"limits.registrations_per_host": 2}),
    _excess("bindings", 7, many_pinholes(8), refused("no_outside_port"), NAT, **{"limits.bindings_per_host": 7}),
    _excess("bindings_per_host", 5, many_pinholes(8), refused("no_outside_port"), NAT),
    _excess("messages_per_second", 1, many_messages, refused("too_many_messages"), **{"limits.message_burst": 40}),
    _excess("message_burst", 40, many_messages, refused("too_many_messages"), **{"limits.messages_per_second": 1}),
]
# Those that all hosts share: who comes late finds nothing left. The others are per message, call, connection or host.
WHOLE_TABLE = {"calls", "pinholes", "registrations", "bindings", "flows"}
