# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT: TCP connections whose messages were edited, and on which nobody says anything for longer than conntrack
waits for an acknowledgement."""

import time

import pytest

from lab import conntrack
from lab.nat import call_out
from lab.scene import Call, hang_up

UNACKNOWLEDGED = 4  # seconds; five minutes where nobody changes it


@pytest.fixture
def impatient_scene(make_scene):
    scene = make_scene(nat=True, transport="tcp", daemon=False)
    scene.lab.gateway.sysctl(f"net.netfilter.nf_conntrack_tcp_timeout_unacknowledged={UNACKNOWLEDGED}")
    scene.start_daemon()
    return scene


def signalling(scene):
    return [entry for entry in conntrack.entries(scene.lab.gateway) if entry.proto == "tcp"]


def test_the_server_reaches_a_client_that_has_been_silent(impatient_scene):
    scene = impatient_scene
    caller, server = scene.agent(scene.lab.inside), scene.agent(scene.lab.server)
    registration = Call.outgoing(caller, server.uri, caller.connect(server.address))
    registration.request("REGISTER", extra=[("Expires", "3600")])
    asked = server.receive("REGISTER")
    server.reply(asked, 200, tag="r1", extra=[("Contact", f"{asked.get('Contact')};expires=3600")])
    caller.receive((200, "REGISTER"))
    time.sleep(UNACKNOWLEDGED + 2)
    back = Call.outgoing(server, asked.uri("Contact"), asked.source)
    back.request("OPTIONS")
    caller.receive("OPTIONS")


def test_the_peer_hangs_up_after_a_silence_and_a_restart(impatient_scene):
    scene = impatient_scene
    _, callee, out, invite = call_out(scene, "tcp")
    scene.daemon.stop()
    scene.daemon.start()
    time.sleep(UNACKNOWLEDGED + 2)
    hang_up(Call.incoming(callee, invite, "p1"), out.agent)
    scene.wait_closed()


def test_an_ended_connection_is_forgotten_as_ever(impatient_scene):
    scene = impatient_scene
    caller, callee, out, _ = call_out(scene, "tcp")
    hang_up(out, callee)
    caller.forget_connections()
    callee.forget_connections()
    time.sleep(UNACKNOWLEDGED)
    assert all(entry.seconds <= 120 for entry in signalling(scene)), signalling(scene)
