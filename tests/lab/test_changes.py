# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that change while they run: new ports, hold, and several answers to one INVITE."""

import pytest

from lab.gateways import EVERY_WAY, IPV4_WAYS
from lab.namespaces import wait_until
from lab.pinholes import pinholes
from lab.scene import Call, audio, establish, hang_up, sdp


def start(scene):
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    old = scene.media(40000, 50000)
    out, back = establish(caller, callee, sdp(caller.address[0], audio(40000)), sdp(callee.address[0], audio(50000)))
    old.assert_passes()
    return out, back, old


def reinvite(call, other, offer, answer):
    """A complete re-INVITE."""
    call.request("INVITE", offer)
    other.agent.reply(other.agent.receive("INVITE"), 200, answer)
    call.ack(call.agent.receive(200))
    other.agent.receive("ACK")


@EVERY_WAY
def test_a_reinvite_moves_the_media(make_scene, gateway):
    scene = make_scene(**gateway)
    call, back, old = start(scene)
    new = scene.media(40010, 50010)
    call.request("INVITE", sdp(call.agent.address[0], audio(40010), version=2))
    invite = back.agent.receive("INVITE")
    old.assert_passes()  # until there is an answer
    back.agent.reply(invite, 200, sdp(back.agent.address[0], audio(50010), version=2))
    call.ack(call.agent.receive(200))
    back.agent.receive("ACK")
    new.assert_passes()
    old.assert_inbound_blocked()
    scene.wait_open(40010)
    hang_up(call, back.agent)
    new.assert_inbound_blocked()
    scene.wait_closed()


@IPV4_WAYS
def test_a_reinvite_from_outside_moves_the_peers_end(make_scene, gateway):
    scene = make_scene(**gateway)
    call, back, old = start(scene)
    new = scene.media(40010, 50010)
    offer = sdp(back.agent.address[0], audio(50010), version=2)
    reinvite(back, call, offer, sdp(call.agent.address[0], audio(40010), version=2))
    new.assert_passes()
    old.assert_inbound_blocked()


@IPV4_WAYS
def test_a_failed_reinvite_brings_the_old_ports_back(make_scene, gateway):
    scene = make_scene(**gateway)
    call, back, old = start(scene)
    new = scene.media(40010, 50000 + 10)
    call.request("INVITE", sdp(call.agent.address[0], audio(40010), version=2))
    back.agent.reply(back.agent.receive("INVITE"), 488)
    call.ack(call.agent.receive(488))
    back.agent.receive("ACK")
    old.assert_passes()
    new.assert_inbound_blocked()
    scene.wait_open(40000)
    hang_up(call, back.agent)
    old.assert_inbound_blocked()


HOLDS = {
    "0.0.0.0": lambda address, port: sdp("0.0.0.0", audio(port), version=2),
    "sendonly": lambda address, port: sdp(address, audio(port, "sendonly"), version=2),
    "inactive": lambda address, port: sdp(address, audio(port, "inactive"), version=2),
}


@pytest.mark.parametrize("who", ["inside", "outside"])
@pytest.mark.parametrize("how", HOLDS)
@IPV4_WAYS
def test_hold_keeps_the_pinholes(make_scene, gateway, how, who):
    scene = make_scene(**gateway)
    call, back, media = start(scene)
    (holder, holder_port), (held, held_port) = ((call, 40000), (back, 50000))
    if who == "outside":
        (holder, holder_port), (held, held_port) = ((back, 50000), (call, 40000))
    reply_direction = "inactive" if how == "inactive" else "recvonly"
    held_address = held.agent.address[0]
    reinvite(
        holder,
        held,
        HOLDS[how](holder.agent.address[0], holder_port),
        sdp(held_address, audio(held_port, reply_direction), version=2),
    )
    scene.wait_open(40000)
    # Comfort noise and music on hold.
    media.assert_inbound_passes()
    reinvite(
        holder,
        held,
        sdp(holder.agent.address[0], audio(holder_port), version=3),
        sdp(held_address, audio(held_port), version=3),
    )
    scene.wait_open(40000)
    media.assert_passes()
    hang_up(call, back.agent)
    media.assert_inbound_blocked()


def wait_for_remotes(scene, *hosts, seconds=4):
    """Until the pinholes are for these outside hosts and no others."""
    wanted = {host.address(scene.family) for host in hosts}
    wait_until(lambda: {hole.remote for hole in pinholes(scene.lab.gateway)} == wanted, seconds, f"pinholes for {wanted}")


@IPV4_WAYS
def test_a_forked_call_keeps_the_branch_that_answered(make_scene, gateway):
    """A proxy outside rings two phones, both send early media; one answers, the other is given up.

    It may still answer as well for 64*T1 (RFC 3261 section 13.2.2.4), which is a second here.
    """
    scene = make_scene(**gateway, config={"timeouts.transaction": "1s"})
    caller, proxy = scene.agent(scene.lab.inside), scene.agent(scene.lab.server)
    with_peer = scene.media(40000, 50000)
    with_third = scene.media(40000 + 10, 50000, outside=scene.lab.third)
    with_third.inbound.destination = with_peer.shown
    third_tap = scene.tap(scene.lab.inside)

    def from_third():
        return third_tap.arrived(src=with_third.outside.address, dst=with_peer.inside.address)

    call = Call.outgoing(caller, proxy.uri, caller.connect(proxy.address))
    call.request("INVITE", sdp(caller.address[0], audio(40000)))
    invite = proxy.receive("INVITE")
    assert with_third.probe(with_third.inbound, from_third) == 0
    with_peer.assert_inbound_blocked()

    proxy.reply(invite, 183, sdp(scene.lab.peer.ip4, audio(50000)), tag="first")
    caller.receive(183)
    proxy.reply(invite, 183, sdp(scene.lab.third.ip4, audio(50000)), tag="second")
    caller.receive(183)
    with_peer.assert_inbound_passes()
    assert with_third.probe(with_third.inbound, from_third) == 10

    proxy.reply(invite, 200, sdp(scene.lab.third.ip4, audio(50000)), tag="second")
    call.ack(caller.receive(200))
    proxy.receive("ACK")
    assert with_third.probe(with_third.inbound, from_third) == 10
    wait_for_remotes(scene, scene.lab.third)
    with_peer.assert_inbound_blocked()
    assert with_third.probe(with_third.inbound, from_third) == 10
    hang_up(call, proxy)
    assert with_third.probe(with_third.inbound, from_third) == 0


@IPV4_WAYS
def test_two_answers_to_one_invite_are_two_dialogs(make_scene, gateway):
    scene = make_scene(**gateway)
    caller, proxy = scene.agent(scene.lab.inside), scene.agent(scene.lab.server)
    media = scene.media(40000, 50000)
    call = Call.outgoing(caller, proxy.uri, caller.connect(proxy.address))
    call.request("INVITE", sdp(caller.address[0], audio(40000)))
    invite = proxy.receive("INVITE")
    branches = []
    for tag, host in (("first", scene.lab.peer), ("second", scene.lab.third)):
        proxy.reply(invite, 200, sdp(host.ip4, audio(50000)), tag=tag)
        response = caller.receive(200)
        branches.append(call.fork(response))
        branches[-1].ack(response)
        proxy.receive("ACK")
    media.assert_inbound_passes()
    wait_for_remotes(scene, scene.lab.peer, scene.lab.third)
    hang_up(branches[0], proxy)
    wait_for_remotes(scene, scene.lab.third)
    media.assert_inbound_blocked()
    # The other dialog is still up, and still needs the port.
    scene.wait_open(40000)
    hang_up(branches[1], proxy)
    scene.wait_closed()
