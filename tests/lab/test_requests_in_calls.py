# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests within a call that come from outside when conntrack has forgotten its signalling, or from the peer itself."""

import time

import pytest

from lab.gateways import EVERY_GATEWAY
from lab.namespaces import wait_until
from lab.pinholes import CALLBACKS, pinholes
from lab.scene import Call, audio, sdp

REMEMBERED = 3  # seconds that conntrack remembers UDP for; two minutes where nobody changes it
QUIET = 25  # seconds after which the server of a call gets its call-back


@pytest.fixture
def forgetful_scene(make_scene, gateway):
    scene = make_scene(**gateway, daemon=False)
    for timeout in ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"):
        scene.lab.gateway.sysctl(f"net.netfilter.{timeout}={REMEMBERED}")
    scene.start_daemon()
    return scene


def callbacks(scene):
    """Who may call whom, without the outside end that stands beside it under NAT."""
    inside = scene.lab.inside.address(scene.family)
    return [(one.remote, one.port) for one in pinholes(scene.lab.gateway, CALLBACKS) if one.inside == inside]


def call_out(scene, server, contact=None):
    """An inside host calls by way of that server. contact: of a peer behind it; else the server is the peer itself.
    Returns the caller, and the INVITE as the server got it."""
    caller = scene.agent(scene.lab.inside)
    out = Call.outgoing(caller, server.uri, caller.connect(server.address))
    out.request("INVITE", sdp(caller.address[0], audio(40000)))
    invite = server.receive("INVITE")
    server.reply(invite, 200, sdp(scene.lab.peer.address(scene.family), audio(50000)), tag="p1", contact=contact)
    out.ack(caller.receive(200))
    server.receive("ACK")
    return caller, invite


@EVERY_GATEWAY
def test_the_server_of_a_call_hangs_up_after_a_silence(forgetful_scene):
    scene = forgetful_scene
    server = scene.agent(scene.lab.server)
    caller, invite = call_out(scene, server)
    assert callbacks(scene) == []
    time.sleep(QUIET)
    wait_until(lambda: callbacks(scene) == [(server.address[0], 5060)], 5, "the call-back of the call's server")
    back = Call.incoming(server, invite, "p1")
    # Nobody else.
    stranger = Call.incoming(scene.agent(scene.lab.peer), invite, "p1")
    stranger.request("OPTIONS")
    back.request("BYE")
    caller.reply(caller.receive("BYE"), 200)
    server.receive((200, "BYE"))
    assert [one.start_line for one in caller.take(0.2)] == []
    wait_until(lambda: callbacks(scene) == [], 2, "the end of the call-back")
    scene.wait_closed()


@EVERY_GATEWAY
def test_a_peer_hangs_up_by_itself_where_no_proxy_stays_in_the_route(forgetful_scene):
    scene = forgetful_scene
    server, peer = scene.agent(scene.lab.server), scene.agent(scene.lab.peer)
    caller, invite = call_out(scene, server, contact=peer.uri)
    wait_until(lambda: callbacks(scene) == [(peer.address[0], 5060)], 2, "the call-back of the peer")
    Call.incoming(peer, invite, "p1").request("BYE")
    caller.reply(caller.receive("BYE"), 200)
    peer.receive((200, "BYE"))
    wait_until(lambda: callbacks(scene) == [], 2, "the end of the call-back")
    scene.wait_closed()


def hand_on(proxy, message, to):
    """As a proxy does it: a Via of its own on requests, and off again on what answers them."""
    if message.status:
        message.headers.remove(next(one for one in message.headers if one[0] == "Via"))
    else:
        message.headers.insert(0, ("Via", f"SIP/2.0/UDP {proxy.address[0]}:5060;branch=z9hG4bKproxy;rport"))
    proxy.send(message, to)


def test_nobody_calls_a_port_of_a_proxy_that_somebody_outside_has_named(make_scene):
    """Who calls through a proxy inside names a port of the proxy's own in his Contact."""
    scene = make_scene()
    proxy, caller, callee = (scene.agent(one, transport="udp") for one in (scene.lab.inside, scene.lab.server, scene.lab.peer))
    here = proxy.address[0]
    Call.outgoing(proxy, caller.uri, caller.address).request("OPTIONS")  # the flow by which the caller gets in
    caller.receive("OPTIONS")
    call = Call.outgoing(caller, proxy.uri, proxy.address)
    invite = call.make("INVITE", sdp(caller.address[0], audio(40000)))
    contact = f"<sip:caller@{here}:8081;transport=tcp>"
    invite.headers = [(name, contact if name == "Contact" else value) for name, value in invite.headers]
    caller.send(invite, proxy.address)
    hand_on(proxy, proxy.receive("INVITE"), callee.address)
    callee.reply(callee.receive("INVITE"), 200, sdp(callee.address[0], audio(50000)), tag="p1")
    hand_on(proxy, proxy.receive(200), caller.address)
    caller.receive(200)
    time.sleep(QUIET + 2)
    assert callbacks(scene) == []
