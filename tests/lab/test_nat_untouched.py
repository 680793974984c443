# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT: messages that must not be changed are the same, byte for byte, on both sides of the gateway."""

import pytest

from lab.nat import OUTSIDE, call_out, offer
from lab.sipua import Call
from lab.topology import INTERNET_HOSTS

PROVIDER = INTERNET_HOSTS["server"][0]
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def assert_nothing_changes(scene, transport, answering):
    """A call from inside to a host: every message arrives as it was sent, in both directions."""
    caller, callee = scene.agent(scene.lab.inside, transport=transport), scene.agent(answering, transport=transport)
    out = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    sent = out.request("INVITE", offer(scene.lab.inside, 5350))
    invite = callee.receive("INVITE")
    assert invite.raw == sent.text().encode()
    sent = callee.reply(invite, 200, offer(answering, 40000), tag="p1")
    answer = caller.receive(200)
    assert answer.raw == sent.text().encode()
    sent = out.ack(answer)
    assert callee.receive("ACK").raw == sent.text().encode()
    back = Call.incoming(callee, invite, "p1")
    sent = back.request("OPTIONS")
    assert caller.receive("OPTIONS").raw == sent.text().encode()


def exempt(scene, host):
    """The operator leaves what goes to a host as it is; the host has a route back."""
    gateway = scene.lab.gateway
    gateway.run("nft", "flush", "chain", "inet", "filter", "postrouting")
    rule = ("oifname", "outside", "ip", "daddr", "!=", host.ip4, "masquerade")
    gateway.run("nft", "add", "rule", "inet", "filter", "postrouting", *rule)
    host.ip_batch(f"route add 10.1.2.0/24 via {OUTSIDE}")


def test_a_flow_that_is_not_translated(make_scene):
    """[nat] names the interface all the same; the kernel says whether it translates the connection."""
    scene = make_scene(nat=True)
    exempt(scene, scene.lab.peer)
    try:
        assert_nothing_changes(scene, "tcp", scene.lab.peer)
    finally:
        scene.firewall.reload()


@TRANSPORTS
def test_a_destination_that_is_exempt_and_listed(make_scene, transport):
    """The first datagram of a flow comes before the kernel has decided about it, so such a destination has to be named."""
    scene = make_scene(nat=True, config={"nat.no_rewrite": ["203.0.113.0/24"]})
    exempt(scene, scene.lab.peer)
    try:
        assert_nothing_changes(scene, transport, scene.lab.peer)
    finally:
        scene.firewall.reload()


@TRANSPORTS
def test_a_host_that_wants_no_rewriting(make_scene, transport):
    """Such as a provider that sees to NAT itself. Its neighbour is treated like everybody."""
    scene = make_scene(nat=True, config={"nat.no_rewrite": [PROVIDER]})
    assert_nothing_changes(scene, transport, scene.lab.server)
    *_, invite = call_out(scene, transport, sip_port=5070)
    assert OUTSIDE in invite.body
