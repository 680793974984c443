# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT with two ways out: each has an address of its own, and what goes one way does not concern the other."""

import pytest

from lab import sdpview
from lab.conntrack import entries
from lab.ctl import Ctl
from lab.nat import offer, public_port, register
from lab.namespaces import wait_until
from lab.scene import hang_up
from lab.sipua import Call
from lab.topology import FAR_HOST, FAR_ROUTE, GATEWAY_OUTSIDE, GATEWAY_OUTSIDE2
from test_nat_address import elements_naming

FIRST, SECOND = GATEWAY_OUTSIDE[0], GATEWAY_OUTSIDE2[0]
OTHER = "198.18.0.77"
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


class OneCall:
    """A call from an inside host to one of the outside hosts, and its media."""

    def __init__(self, scene, inside, outside, shown, transport, port=5350, sip_port=5060, callee=None):
        self.shown = shown
        self.caller = scene.agent(inside, sip_port, transport)
        self.callee = callee or scene.agent(outside, transport=transport)
        self.out = Call.outgoing(self.caller, self.callee.uri, self.caller.connect(self.callee.address))
        self.out.request("INVITE", offer(inside, port))
        self.invite = self.callee.receive("INVITE")
        self.callee.reply(self.invite, 200, offer(outside, 40000), tag="p1")
        self.out.ack(self.caller.receive(200))
        self.callee.receive("ACK")
        self.public_port = public_port(self.invite)
        self.media = scene.media(port, 40000, inside=inside, outside=outside, public_port=self.public_port)
        self.follow(shown)

    def follow(self, shown):
        """Where the peer's media goes."""
        self.media.shown = self.media.inbound.destination = shown, self.public_port

    def assert_named(self):
        """The messages name the address of the way that they take, and no other."""
        assert sdpview.address(self.invite.body) == sdpview.origin(self.invite.body) == self.shown
        assert f"@{self.shown}:" in self.invite.get("Contact")
        foreign = {FIRST, SECOND} - {self.shown}
        assert not [address for address in foreign if address in self.invite.text()]

    def assert_called_back(self):
        """The peer's own requests find the inside host."""
        back = Call.incoming(self.callee, self.invite, "p1")
        back.request("OPTIONS")
        question = self.caller.receive("OPTIONS")
        assert self.caller.address[0] in question.start_line
        self.caller.reply(question, 200)
        self.callee.receive((200, "OPTIONS"))

    def hang_up(self):
        hang_up(self.out, self.callee)
        self.media.assert_inbound_blocked()


def bindings(scene, proto="udp"):
    """(inside, outside, interface) of each medium."""
    listed = Ctl(scene).json("bindings")["bindings"]
    return {(one["inside"], one["outside"], one["interface"]) for one in listed
            if one["proto"] == proto and one["purposes"] and not one["lingering"]}


def two_ways(make_scene, transport, **config):
    return make_scene(nat=True, two_ways=True, transport=transport, config=config)


@TRANSPORTS
def test_each_way_has_its_own_address(make_scene, transport):
    """Two hosts announce the same port. Each keeps its number, for each is alone on its way."""
    scene = two_ways(make_scene, transport)
    lab = scene.lab
    one = OneCall(scene, lab.inside, lab.peer, FIRST, transport)
    two = OneCall(scene, lab.inside2, lab.far, SECOND, transport)
    for call in (one, two):
        call.assert_named()
        assert call.public_port == 5350
        call.assert_called_back()
        call.media.assert_passes()
    expected = {(f"{lab.inside.ip4}:{port}", f"{FIRST}:{port}", "outside") for port in (5350, 5351)}
    expected |= {(f"{lab.inside2.ip4}:{port}", f"{SECOND}:{port}", "outside2") for port in (5350, 5351)}
    assert bindings(scene) == expected
    interfaces = {one["name"]: one["address"] for one in Ctl(scene).json("status")["nat"]["interfaces"]}
    assert interfaces == {"outside": FIRST, "outside2": SECOND}
    one.hang_up()
    two.media.assert_passes()
    two.hang_up()
    scene.wait_closed()


@TRANSPORTS
def test_one_host_with_calls_both_ways(make_scene, transport):
    scene = two_ways(make_scene, transport)
    lab = scene.lab
    one = OneCall(scene, lab.inside, lab.peer, FIRST, transport)
    two = OneCall(scene, lab.inside, lab.far, SECOND, transport, port=5360, sip_port=5062)
    for call in (one, two):
        call.assert_named()
        call.assert_called_back()
        call.media.assert_passes()
    two.hang_up()
    one.media.assert_passes()
    one.hang_up()
    scene.wait_closed()


def test_the_same_inside_port_both_ways(make_scene):
    """A host that is called by both offers both the same port: to each it is another endpoint."""
    scene = two_ways(make_scene, "udp", **{"nat.keep_numbers": False, "nat.media_ports": "50000-50099"})
    lab = scene.lab
    caller = scene.agent(lab.inside)
    seen = {}
    for host, shown in ((lab.peer, FIRST), (lab.far, SECOND)):
        callee = scene.agent(host)
        call = Call.outgoing(caller, callee.uri, callee.address)
        call.request("INVITE", offer(lab.inside, 5350))
        invite = callee.receive("INVITE")
        assert sdpview.address(invite.body) == shown
        callee.reply(invite, 200, offer(host, 40000), tag=f"p{host.host}")
        call.ack(caller.receive(200))
        callee.receive("ACK")
        seen[shown] = public_port(invite)
    first = scene.media(5350, 40000, public_port=seen[FIRST])
    first.assert_passes()
    first.close()
    second = scene.media(5350, 40000, outside=lab.far, public_port=seen[SECOND])
    second.shown = second.inbound.destination = SECOND, seen[SECOND]
    second.assert_passes()
    rtp = {(outside, interface) for inside, outside, interface in bindings(scene) if inside == f"{lab.inside.ip4}:5350"}
    assert rtp == {(f"{FIRST}:{seen[FIRST]}", "outside"), (f"{SECOND}:{seen[SECOND]}", "outside2")}


@TRANSPORTS
def test_clients_are_called_by_the_way_that_they_registered(make_scene, transport):
    scene = two_ways(make_scene, transport)
    lab = scene.lab
    for host, server_host, shown in ((lab.inside, lab.server, FIRST), (lab.inside2, lab.far, SECOND)):
        client, server = scene.agent(host, 5062, transport), scene.agent(server_host, transport=transport)
        uri, port = register(client, server)
        assert f"@{shown}:{port}" in uri
        call = Call.outgoing(server, uri, server.connect((shown, port)))
        call.request("INVITE", offer(server_host, 40000))
        invite = client.receive("INVITE")
        assert host.ip4 in invite.start_line
        client.reply(invite, 200, offer(host, 5350), tag="c1")
        answer = server.receive(200)
        assert sdpview.address(answer.body) == shown
        call.ack(answer)
        client.receive("ACK")
        media = scene.media(5350, 40000, inside=host, outside=server_host, public_port=public_port(answer))
        media.shown = media.inbound.destination = shown, public_port(answer)
        media.assert_passes()


def change_second_address(scene):
    scene.lab.gateway.ip_batch(f"address del {SECOND}/24 dev outside2", f"address add {OTHER}/24 dev outside2",
                               f"route replace {FAR_ROUTE} dev outside2")
    scene.lab.far.ip_batch(f"route replace {OTHER}/32 dev eth0 src {FAR_HOST[0]}")
    wait_until(lambda: f"from {SECOND} to {OTHER}" in scene.daemon.log, 3, "the daemon to notice")


def flows(scene):
    """What the kernel tracks of media at the first address; times run, so they are left out."""
    return {(entry.original, entry.reply, entry.mark) for entry in entries(scene.lab.gateway)
            if entry.proto == "udp" and FIRST in (*entry.original, *entry.reply) and 5060 not in entry.original}


@TRANSPORTS
def test_the_address_of_one_changes(make_scene, transport):
    """The call by the other way has every binding, every flow and, over TCP, its connection."""
    scene = two_ways(make_scene, transport)
    lab = scene.lab
    one = OneCall(scene, lab.inside, lab.peer, FIRST, transport)
    two = OneCall(scene, lab.inside2, lab.far, SECOND, transport)
    one.media.assert_passes()
    two.media.assert_passes()
    before = {entry for entry in bindings(scene) if entry[2] == "outside"}, flows(scene)
    assert all(before)

    change_second_address(scene)
    assert ({entry for entry in bindings(scene) if entry[2] == "outside"}, flows(scene)) == before
    assert elements_naming(lab.gateway, SECOND) == [], "nothing leads to an address that is gone"
    assert {interface for _, outside, interface in bindings(scene) if SECOND in outside} == {""}
    one.media.assert_passes()
    one.assert_called_back()

    two.media.close()
    three = OneCall(scene, lab.inside2, lab.far, OTHER, transport, port=5370, sip_port=5070, callee=two.callee)
    three.assert_named()
    three.media.assert_passes()
    three.hang_up()
    one.media.assert_passes()
    one.hang_up()
