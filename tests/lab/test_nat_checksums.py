# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT: edited packets leave the gateway with right checksums, those without one stay without, and what several
segments came as one (GSO) goes on as segments that the wire carries."""

import socket

import pytest

from lab.checksums import Wire, finish_checksums
from lab.nat import OUTSIDE
from lab.rewriting import rewritten
from lab.scene import audio, sdp
from lab.sipua import Call
from lab.topology import LAN_HOSTS

INSIDE = LAN_HOSTS["inside"][0]
SO_NO_CHECK = 11
SOL_UDP, UDP_SEGMENT = 17, 103
MTU = 1500
OUTWARD = {INSIDE: OUTSIDE, f"{INSIDE}:5060": f"{OUTSIDE}:5060"}
INWARD = {shown: own for own, shown in OUTWARD.items()}
PADDINGS = range(7)  # even and odd lengths


class Ends:
    """One host on each side, and what arrives at either."""

    def __init__(self, scene, transport):
        lab = scene.lab
        self.inside = scene.agent(lab.inside, transport=transport)
        self.peer = scene.agent(lab.peer, transport=transport)
        for host, interface in ((lab.gateway, "outside"), (lab.gateway, "inside")):
            finish_checksums(host, interface)
        self.at_inside, self.at_peer = scene.keep(Wire(lab.inside)), scene.keep(Wire(lab.peer))
        self.call = Call.outgoing(self.inside, self.peer.uri, None)

    def invite(self, padding=0):
        """From inside; it changes in four places."""
        extra = [("X-Padding", "x" * padding)] if padding else []
        return Call.outgoing(self.inside, self.peer.uri, None).make("INVITE", sdp(INSIDE, audio(5350)), extra=extra)

    def request(self, contact, padding=0):
        """From the peer; its Request-URI changes."""
        return Call.outgoing(self.peer, contact, None).make("OPTIONS", extra=[("X-Padding", "x" * padding)])


def assert_right(packets):
    for one in packets:
        assert one.said == one.right != 0, f"checksum {one.said:#06x} in place of {one.right:#06x}: {one}"
        assert one.size <= MTU


def without_checksum(agent):
    agent.sockets[0].setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)


@pytest.mark.parametrize("checksum", [True, False], ids=["checksum", "none"])
def test_datagrams(make_scene, checksum):
    """RFC 768: a sender may leave the checksum out. Then there is none behind the gateway either."""
    scene = make_scene(nat=True)
    ends = Ends(scene, "udp")
    if not checksum:
        without_checksum(ends.inside)
        without_checksum(ends.peer)
    contact = None
    for padding in PADDINGS:
        sent = ends.invite(padding)
        ends.inside.send(sent, ends.peer.address)
        arrived = ends.peer.receive("INVITE")
        assert arrived.raw.decode() == rewritten(sent.text(), OUTWARD) != sent.text()
        contact = arrived.uri("Contact")
    for padding in PADDINGS:
        sent = ends.request(contact, padding)
        ends.peer.send(sent, (OUTSIDE, 5060))
        assert ends.inside.receive("OPTIONS").raw.decode() == rewritten(sent.text(), INWARD) != sent.text()
    for wire in (ends.at_peer, ends.at_inside):
        packets = wire.wait(len(PADDINGS), "udp", 5060)
        if checksum:
            assert_right(packets)
        else:
            assert {one.said for one in packets} == {0}


def test_several_datagrams_sent_as_one(make_scene):
    """UDP_SEGMENT: the kernel carries them to the gateway as one packet. Each is a message, and each is edited."""
    scene = make_scene(nat=True)
    ends = Ends(scene, "udp")
    messages = [ends.invite(padding=300) for _ in range(9)]
    longest = max(len(message.text()) for message in messages)
    for message in messages:  # all of the same length
        padding = next(i for i, (name, _) in enumerate(message.headers) if name == "X-Padding")
        message.headers[padding] = ("X-Padding", "x" * (300 + longest - len(message.text())))
    texts = [message.text() for message in messages]
    assert {len(text) for text in texts} == {longest}
    sender = ends.inside.sockets[0]
    sender.setsockopt(SOL_UDP, UDP_SEGMENT, longest)
    size = sender.sendto("".join(texts).encode(), ends.peer.address)
    assert size == longest * len(texts)
    packets = ends.at_peer.wait(len(texts), "udp", 5060)
    assert [one.payload.decode() for one in packets] == [rewritten(text, OUTWARD) for text in texts]
    assert_right(packets)


@pytest.mark.parametrize("direction", ["outward", "inward"])
def test_many_segments_sent_as_one(make_scene, direction):
    """One write of many times the segment size. What comes out is the edited message, in segments."""
    scene = make_scene(nat=True)
    ends = Ends(scene, "tcp")
    there = ends.inside.connect(ends.peer.address)
    first = ends.invite()
    ends.inside.send(first, there)
    arrived = ends.peer.receive("INVITE")
    back, contact = arrived.source, arrived.uri("Contact")
    for padding in (9000, 20011):
        if direction == "outward":
            sent, names = ends.invite(padding), OUTWARD
            ends.inside.send(sent, there)
            heard = ends.peer.receive("INVITE")
        else:
            sent, names = ends.request(contact, padding), INWARD
            ends.peer.send(sent, back)
            heard = ends.inside.receive("OPTIONS")
        assert heard.raw.decode() == rewritten(sent.text(), names) != sent.text()
    packets = [one for one in (ends.at_peer if direction == "outward" else ends.at_inside).all() if one.proto == "tcp"]
    assert sum(len(one.payload) for one in packets) > 29000
    assert_right(packets)


def test_the_sender_really_sends_several_as_one(make_scene):
    """The control: without it the tests above would try nothing. A tap at the gateway's inside sees packets longer
    than the wire carries."""
    scene = make_scene(nat=True, daemon=False)
    at_gateway = scene.keep(Wire(scene.lab.gateway, "inside"))
    sender, receiver = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    sender.sockets[0].setsockopt(SOL_UDP, UDP_SEGMENT, 1000)
    sender.sockets[0].sendto(b"x" * 9000, receiver.address)
    (datagrams,) = at_gateway.wait(1, "udp", 5060)
    assert len(datagrams.payload) == 9000
    tcp = scene.agent(scene.lab.peer, transport="tcp")
    caller = scene.agent(scene.lab.inside, transport="tcp")
    connection = caller.connect(tcp.address)
    connection.send(b"x" * 9000)
    segments = at_gateway.wait(1, "tcp", connection.getsockname()[1])
    assert max(one.size for one in segments) > MTU
