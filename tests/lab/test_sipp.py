# SPDX-License-Identifier: GPL-2.0-or-later
"""sipp calls sipp through the gateway, one call and 200 at once."""

import re
import time

import pytest

from lab import sipp
from lab.gateways import EVERY_GATEWAY
from lab.namespaces import wait_until
from lab.pinholes import open_ports
from lab.scene import send_all

PACKETS = 10
FAMILIES = pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def wire_text(packets):
    """All SIP that was sent. Over TCP segments do not begin and end with messages."""
    return b"".join(packet.payload for packet in packets)


def established(tap, transport):
    """How many calls the caller has acknowledged, seen on its wire."""
    return len(set(re.findall(rb"Call-ID: (\S+)\r\nCSeq: 1 ACK", wire_text(tap.left(proto=transport)))))


def announced(tap, transport):
    return {int(port) for port in re.findall(rb"m=audio (\d+) ", wire_text(tap.left(proto=transport)))}


@EVERY_GATEWAY
@TRANSPORTS
@pytest.mark.parametrize("calls", [1, 200])
def test_every_call_has_its_media_and_leaves_nothing_open(make_scene, gateway, transport, calls):
    scene = make_scene(**gateway, transport=transport)
    lab, family = scene.lab, scene.family
    ports = [sipp.media_port(call) for call in range(calls)]
    streams = [scene.media(port, port) for port in ports]
    inbound, outbound = [s.inbound for s in streams], [s.outbound for s in streams]
    tap = scene.tap(lab.inside)
    send_all(inbound, 1)
    assert [s for s in streams if s.inbound_arrived()] == []

    talk = 3.0 if calls == 1 else 12.0
    callee = scene.keep(sipp.callee(lab, lab.peer, family, transport, calls))
    caller = scene.keep(sipp.caller(lab, lab.inside, family, transport, calls, int(talk * 1000), to=lab.peer))
    wait_until(lambda: established(tap, transport) >= calls, talk, f"{calls} calls up at once", step=0.1)
    up = time.monotonic()
    scene.wait_open(*ports)

    # What arrived is counted over all streams first: 200 lists of counts are slow to make and hard to read.
    expected = calls * PACKETS
    tap.forget()
    send_all(inbound, PACKETS, interval=0.1 if calls > 1 else 0.02)
    assert sum(1 for p in tap.arrived() if p.dport in ports) == expected
    peer_tap = scene.tap(lab.peer)
    peer_tap.forget()
    send_all(outbound, PACKETS, interval=0.1 if calls > 1 else 0.02)
    assert sum(1 for p in peer_tap.arrived() if p.dport in ports) == expected
    assert time.monotonic() - up < talk - 1, "the calls ended before the media was counted: the machine is too slow"

    caller.wait(60)
    callee.wait(60)
    scene.wait_closed()
    assert open_ports(lab.gateway) == []
    tap.forget()
    send_all(inbound, 3)
    assert sum(1 for p in tap.arrived() if p.dport in ports) == 0


@FAMILIES
@TRANSPORTS
@pytest.mark.parametrize("calls", [1, 200])
def test_signalling_needs_no_daemon(make_scene, family, transport, calls):
    """sipp and its scenarios alone; a failure here says nothing about the daemon."""
    scene = make_scene(family=family, transport=transport, daemon=False)
    taps = scene.tap(scene.lab.inside), scene.tap(scene.lab.peer)
    callee = scene.keep(sipp.callee(scene.lab, scene.lab.peer, family, transport, calls))
    caller = scene.keep(sipp.caller(scene.lab, scene.lab.inside, family, transport, calls, 500, to=scene.lab.peer))
    caller.wait(30)
    callee.wait(30)
    ports = {sipp.media_port(call) for call in range(calls)}
    assert [announced(tap, transport) for tap in taps] == [ports, ports]
    assert established(taps[0], transport) == calls
