# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT, with a bad line outside: one packet in a hundred is lost, more come too late."""

import time

from lab import sipp
from lab.rough_wire import RoughWire
from lab.scene import send_all

LOSS, LATE = 0.01, 0.03


def test_calls_over_udp_with_media(make_scene):
    """sipp repeats what is lost, as every SIP stack does; media is not repeated, and what arrives is whole."""
    scene = make_scene(nat=True)
    wire = scene.keep(RoughWire(scene.lab, LOSS, LATE, seed=5))
    calls, packets = 40, 50
    ports = [sipp.media_port(call) for call in range(calls)]
    streams = [scene.media(port, port) for port in ports]
    callee = scene.keep(sipp.callee(scene.lab, scene.lab.peer, 4, "udp", calls))
    caller = scene.keep(sipp.caller(scene.lab, scene.lab.inside, 4, "udp", calls, 6000, to=scene.lab.peer))
    scene.wait_open(*ports, seconds=5)
    time.sleep(0.5)  # for repeated INVITEs
    for flows, tap in (([s.inbound for s in streams], scene.tap(scene.lab.inside)),
                       ([s.outbound for s in streams], scene.tap(scene.lab.peer))):
        tap.forget()
        send_all(flows, packets)
        arrived = [packet for packet in tap.arrived() if packet.dport in ports]
        assert 0.96 < len(arrived) / (calls * packets) < 1.0
        assert len({(packet.dport, packet.payload) for packet in arrived}) == len(arrived), "some came twice"
    caller.wait(40)
    callee.wait(40)
    assert wire.end()["lost"] >= 20
    scene.wait_closed()
