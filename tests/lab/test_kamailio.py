# SPDX-License-Identifier: GPL-2.0-or-later
"""Kamailio stands between the ends as registrar and proxy; media goes direct between the ends."""

import pytest

from lab import sipp
from lab.gateways import EVERY_GATEWAY, IPV4_WAYS
from lab.kamailio import Kamailio
from lab.namespaces import wait_until
from lab.pinholes import pinholes
from lab.scene import Call, audio, hang_up, sdp

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def register(agent, proxy):
    """Registers agent as sip:HOST@lab.example. Returns where to send requests to the proxy."""
    to = agent.connect((proxy.host.address(6 if ":" in agent.address[0] else 4), 5060))
    call = Call.outgoing(agent, "sip:lab.example", to)
    call.local = f"<sip:{agent.user}@lab.example>;tag=r{agent.user}"
    call.remote = f"<sip:{agent.user}@lab.example>"
    call.request("REGISTER", extra=[("Expires", "600")])
    agent.receive((200, "REGISTER"))
    return to


def call_through_proxy(scene, caller, callee, to, offer, answer):
    """A call to callee's registered address, both ends' requests going through the proxy."""
    call = Call.outgoing(caller, f"sip:{callee.user}@lab.example", to)
    call.request("INVITE", offer)
    invite = callee.receive("INVITE")
    callee.reply(invite, 180, tag="u1")
    caller.receive(180)
    callee.reply(invite, 200, answer, tag="u1")
    response = caller.receive((200, "INVITE"))
    assert response.all("Record-Route"), "the proxy did not record-route"
    call.ack(response)
    callee.receive("ACK")
    back = Call.incoming(callee, invite, "u1")
    assert call.call_id == back.call_id
    return call, back


def run_call(scene, direction):
    """One call through the proxy, in either direction; media is tried only if there is a daemon to let it in."""
    proxy = scene.keep(Kamailio(scene.lab))
    inside, peer = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(40000, 50000)
    hops = {agent: register(agent, proxy) for agent in (inside, peer)}
    descriptions = {inside: sdp(inside.address[0], audio(40000)), peer: sdp(peer.address[0], audio(50000))}
    caller, callee = (inside, peer) if direction == "out" else (peer, inside)
    media.assert_inbound_blocked()
    call, back = call_through_proxy(
        scene, caller, callee, hops[caller], descriptions[caller], descriptions[callee]
    )
    if scene.daemon:
        media.assert_passes()
        assert {hole.remote for hole in pinholes(scene.lab.gateway)} == {media.outside.address[0]}
    else:
        media.assert_inbound_blocked()
    hang_up(back, caller)
    media.assert_inbound_blocked()


@EVERY_GATEWAY
@TRANSPORTS
@pytest.mark.parametrize("direction", ["out", "in"])
def test_media_goes_direct_between_the_ends(make_scene, gateway, transport, direction):
    run_call(make_scene(**gateway, transport=transport), direction)


@TRANSPORTS
@pytest.mark.parametrize("direction", ["out", "in"])
def test_proxied_signalling_needs_no_daemon(make_scene, transport, direction):
    """The proxy and its scripts alone; a failure here says nothing about the daemon."""
    run_call(make_scene(transport=transport, daemon=False), direction)


@IPV4_WAYS
def test_forking_by_the_proxy(make_scene, gateway):
    """Two outside phones ring with early media, one answers, Kamailio cancels the other."""
    run_fork(make_scene(**gateway, config={"timeouts.transaction": "1s"}))


def test_forking_by_the_proxy_needs_no_daemon(make_scene):
    run_fork(make_scene(daemon=False))


def run_fork(scene):
    proxy = scene.keep(Kamailio(scene.lab))
    caller = scene.agent(scene.lab.inside)
    first, second = scene.agent(scene.lab.peer), scene.agent(scene.lab.third)
    second.user = first.user
    with_first = scene.media(40000, 50000)
    with_second = scene.media(40001, 50000, outside=scene.lab.third)
    with_second.inbound.destination = with_first.shown
    tap = scene.tap(scene.lab.inside)

    def from_second():
        return tap.arrived(src=with_second.outside.address, dst=with_first.inside.address)

    for phone in (first, second):
        register(phone, proxy)
    to = register(caller, proxy)
    call = Call.outgoing(caller, f"sip:{first.user}@lab.example", to)
    call.request("INVITE", sdp(caller.address[0], audio(40000)))
    invites = {}
    for phone in (first, second):
        invites[phone] = phone.receive("INVITE")
        phone.reply(invites[phone], 183, sdp(phone.address[0], audio(50000)), tag=f"t{phone.address[0]}")
        caller.receive(183)
    if scene.daemon:
        with_first.assert_inbound_passes()
        assert with_second.probe(with_second.inbound, from_second) == 10
    second.reply(invites[second], 200, sdp(second.address[0], audio(50000)), tag=f"t{second.address[0]}")
    call.ack(caller.receive((200, "INVITE")))
    second.receive("ACK")
    first.reply(first.receive("CANCEL"), 200)
    first.reply(invites[first], 487, tag=f"t{first.address[0]}")
    first.receive("ACK")
    expected = 10 if scene.daemon else 0
    assert with_second.probe(with_second.inbound, from_second) == expected
    if scene.daemon:
        # The loser could still answer for 64*T1, configured as a second.
        wait_until(lambda: {hole.remote for hole in pinholes(scene.lab.gateway)} == {scene.lab.third.ip4}, 4, "one fork")
    with_first.assert_inbound_blocked()
    hang_up(call, second)
    assert with_second.probe(with_second.inbound, from_second) == 0


@EVERY_GATEWAY
@TRANSPORTS
def test_sipp_calls_sipp_through_the_proxy(make_scene, gateway, transport):
    scene = make_scene(**gateway, transport=transport)
    lab, family = scene.lab, scene.family
    scene.keep(Kamailio(lab))
    media = scene.media(sipp.media_port(0), sipp.media_port(0))
    media.assert_inbound_blocked()
    callee = scene.keep(sipp.callee(lab, lab.peer, family, transport, 1))
    caller = scene.keep(sipp.caller(lab, lab.inside, family, transport, 1, 2500, to=lab.peer, proxy=lab.server))
    tap = scene.tap(lab.peer)
    wait_until(lambda: [p for p in tap.arrived(proto=transport) if p.payload.startswith(b"ACK ")], 3, "the ACK")
    media.assert_passes()
    caller.wait(20)
    callee.wait(20)
    scene.wait_closed()
    media.assert_inbound_blocked()


@TRANSPORTS
def test_sipp_through_the_proxy_needs_no_daemon(make_scene, transport):
    scene = make_scene(transport=transport, daemon=False)
    lab = scene.lab
    scene.keep(Kamailio(lab))
    callee = scene.keep(sipp.callee(lab, lab.peer, 4, transport, 1))
    caller = scene.keep(sipp.caller(lab, lab.inside, 4, transport, 1, 300, to=lab.peer, proxy=lab.server))
    caller.wait(20)
    callee.wait(20)
