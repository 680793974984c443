# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT: what is particular to calls there. The other tests of calls run behind NAT, too (lab/gateways.py).

The inside hosts are hidden behind the gateway's outside address by the operator's masquerade; nobody outside has a route
to them. The operator's ruleset stays as it is.
"""

import socket

import pytest

from lab import sdpview
from lab.nat import OUTSIDE, call_out, offer, public_port, register
from lab.scene import PROBE, hang_up
from lab.sipua import Call

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])
OTHER_NUMBERS = {"nat.keep_numbers": False, "nat.media_ports": "50000-50099"}


@TRANSPORTS
def test_a_call_from_inside(make_scene, transport):
    scene = make_scene(nat=True, transport=transport, config=OTHER_NUMBERS)
    caller, callee, out, invite = call_out(scene, transport)
    assert sdpview.address(invite.body) == OUTSIDE and sdpview.origin(invite.body) == OUTSIDE
    assert OUTSIDE in invite.get("Contact") and scene.lab.inside.ip4 not in invite.get("Contact")
    assert int(invite.get("Content-Length")) == len(invite.body)
    assert 50000 <= public_port(invite) <= 50098
    media = scene.media(5350, 40000, public_port=public_port(invite))
    media.assert_passes()
    hang_up(out, callee)
    media.assert_inbound_blocked()


@TRANSPORTS
def test_media_that_the_inside_host_sends_first(make_scene, transport):
    """From the port that its SDP named, which is not the one that masquerading would have given it."""
    scene = make_scene(nat=True, transport=transport, config=OTHER_NUMBERS)
    *_, invite = call_out(scene, transport)
    media = scene.media(5350, 40000, public_port=public_port(invite))
    assert media.probe(media.outbound, media.outbound_arrived) == PROBE
    media.assert_inbound_passes()


@TRANSPORTS
def test_requests_from_outside_reach_the_inside_host_by_its_contact(make_scene, transport):
    scene = make_scene(nat=True, transport=transport)
    caller, callee, _, invite = call_out(scene, transport)
    back = Call.incoming(callee, invite, "p1")
    back.request("BYE")
    bye = caller.receive("BYE")
    assert scene.lab.inside.ip4 in bye.start_line, "the inside host is asked by a name that it knows"
    caller.reply(bye, 200)
    callee.receive((200, "BYE"))


@TRANSPORTS
def test_a_registered_client_is_called(make_scene, transport):
    """Over TCP the registrar calls on a connection of its own, as Live Communications Server does."""
    scene = make_scene(nat=True, transport=transport)
    client = scene.agent(scene.lab.inside, 5062, transport)
    server = scene.agent(scene.lab.server, transport=transport)
    uri, port = register(client, server)
    call = Call.outgoing(server, uri, server.connect((OUTSIDE, port)))
    call.request("INVITE", offer(scene.lab.server, 40000))
    invite = client.receive("INVITE")
    assert scene.lab.inside.ip4 in invite.start_line
    client.reply(invite, 200, offer(scene.lab.inside, 5350), tag="c1")
    answer = server.receive(200)
    assert sdpview.address(answer.body) == OUTSIDE
    call.ack(answer)
    client.receive("ACK")
    media = scene.media(5350, 40000, outside=scene.lab.server, public_port=public_port(answer))
    media.assert_passes()


def test_only_the_registrar_may_call_back(make_scene):
    scene = make_scene(nat=True, transport="tcp")
    client = scene.agent(scene.lab.inside, 5062, "tcp")
    server = scene.agent(scene.lab.server, transport="tcp")
    _, port = register(client, server)
    stranger = scene.lab.third.socket(socket.AF_INET, socket.SOCK_STREAM)
    stranger.settimeout(1)
    with stranger, pytest.raises(OSError):
        stranger.connect((OUTSIDE, port))


def test_two_inside_hosts_get_each_others_own_addresses(make_scene):
    """A B2BUA outside hands on what it got: neither host hears of the gateway's address."""
    scene = make_scene(nat=True)
    first = scene.agent(scene.lab.inside)
    second = scene.agent(scene.lab.inside2, 5064)
    server = scene.agent(scene.lab.server)
    uri, port = register(second, server)
    out = Call.outgoing(first, f"sip:second@{scene.lab.server.ip4}", server.address)
    out.request("INVITE", offer(scene.lab.inside, 5350))
    leg = server.receive("INVITE")
    onward = Call.outgoing(server, uri, (OUTSIDE, port))
    onward.request("INVITE", leg.body)
    arrived = second.receive("INVITE")
    assert sdpview.address(arrived.body) == scene.lab.inside.ip4
    assert sdpview.ports(arrived.body) == [5350]
    second.reply(arrived, 200, offer(scene.lab.inside2, 7000), tag="s1")
    answer = server.receive(200)
    onward.ack(answer)
    server.reply(leg, 200, answer.body, tag="s2")
    answered = first.receive(200)
    assert sdpview.address(answered.body) == scene.lab.inside2.ip4
    assert sdpview.ports(answered.body) == [7000]


def test_the_advertised_address(make_scene):
    """The gateway is itself behind a NAT that keeps the port numbers: messages name that one's address."""
    advertised = "198.51.100.7"
    scene = make_scene(nat=True, config={"nat.advertised_address": advertised})
    caller, callee, out, invite = call_out(scene)
    assert sdpview.address(invite.body) == advertised and sdpview.origin(invite.body) == advertised
    assert f"@{advertised}:" in invite.get("Contact")
    # What that NAT does with media: it comes to the gateway's own address.
    scene.media(5350, 40000, public_port=public_port(invite)).assert_passes()
    back = Call.incoming(callee, invite, "p1")
    back.request("BYE")
    assert caller.receive("BYE").start_line.startswith(f"BYE {caller.uri} ")


def test_a_datagram_that_grows_beyond_the_mtu(make_scene):
    scene = make_scene(nat=True)
    caller = scene.agent(scene.lab.inside)
    callee = scene.agent(scene.lab.peer)
    out = Call.outgoing(caller, callee.uri, callee.address)
    most = 1500 - 28
    invite = out.make("INVITE", offer(scene.lab.inside, 5350))
    room = most - len(invite.text()) - len("X-Padding: \r\n")
    invite.headers.append(("X-Padding", "x" * room))
    assert len(invite.text()) == most
    caller.send(invite, out.to)
    arrived = callee.receive("INVITE")
    assert sdpview.address(arrived.body) == OUTSIDE
    assert len(arrived.raw) > most
