# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT, with a bad line outside: one packet in a hundred is lost, more come too late."""

import random
import socket
import time

import pytest

from lab import sipp
from lab.ctl import Ctl
from lab.exchange import End, exchange, pair
from lab.nat import OUTSIDE
from lab.rewriting import rewritten
from lab.rough_wire import RoughWire
from lab.scene import audio, sdp, send_all
from lab.sipua import Call
from lab.tcp import Listener, read_exactly
from lab.topology import LAN_HOSTS

LOSS, LATE = 0.01, 0.03
INSIDE = LAN_HOSTS["inside"][0]
# What the messages name, and what it becomes. Out: longer, in: shorter.
OUTWARD = {INSIDE: OUTSIDE, f"{INSIDE}:5060": f"{OUTSIDE}:5060"}
INWARD = {shown: own for own, shown in OUTWARD.items()}
PORTS = range(5350, 5364, 2)
CONNECTIONS = 4
MESSAGES = 150  # of each end of each connection
AHEAD = 8 << 10  # bytes under way in one direction; what waits for a lost segment is bounded (limits.pending_segments)
PATIENCE = 100  # seconds; a segment that is lost again and again is repeated after 0.2, 0.4, 0.8 s ...


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


class Script:
    """What one end says: messages of all lengths, cut and joined as it comes; and what the other end must hear."""

    def __init__(self, dice, agent, target, described, names):
        """described: the address that its session descriptions name. names: what becomes of what its messages say."""
        self._dice = dice
        self._agent, self._target = agent, target
        self._described = described
        self.names = names

    def _invite(self):
        return self._call().make("INVITE", sdp(self._described, audio(self._dice.choice(PORTS))))

    def _options(self):
        return self._call().make("OPTIONS")

    def _message(self):
        """Its text names what is translated elsewhere, and stays as it is."""
        made = self._call().make("MESSAGE", extra=[("Content-Type", "text/plain")])
        line = f"{INSIDE}:5060 is {OUTSIDE}:5060, and {self._dice.randrange(10**9)}\r\n"
        made.body = line * self._dice.choice((1, 5, 30, 150))
        return made

    def _call(self):
        return Call.outgoing(self._agent, self._target, None)

    def write(self, count):
        """(pieces to be sent, bytes to be heard)."""
        makes = [self._dice.choice((self._invite, self._invite, self._options, self._message)) for _ in range(count)]
        texts = [make().text() for make in makes]
        said = "".join(texts).encode()
        heard = "".join(rewritten(text, self.names) for text in texts).encode()
        edges = sorted({0, len(said), *(self._dice.randrange(1, len(said)) for _ in range(2 * count))})
        return [said[start:end] for start, end in zip(edges, edges[1:])], heard


class Described:
    """An inside host and one of the internet's that have told each other, over an undisturbed line, what they will
    name."""

    def __init__(self, scene):
        self.inside = scene.agent(scene.lab.inside, transport="tcp")
        self.peer = scene.agent(scene.lab.peer, 5070, "tcp")
        callee = scene.agent(scene.lab.peer, transport="tcp")
        connection = self.inside.connect(callee.address)
        for port in PORTS:
            call = Call.outgoing(self.inside, callee.uri, connection)
            sent = call.request("INVITE", sdp(INSIDE, audio(port)))
            arrived = callee.receive("INVITE")
            assert arrived.raw.decode() == rewritten(sent.text(), OUTWARD) != sent.text()
        self.contact = arrived.uri("Contact")
        callee.close()
        self.listener = scene.keep(Listener(scene.lab.peer, 5060))

    def connect(self):
        """Both ends of a new connection."""
        from_inside = self.inside.connect(self.listener.address)
        return from_inside, self.listener.accept()[0]

    def outward(self, dice):
        return Script(dice, self.inside, self.peer.uri, INSIDE, OUTWARD)

    def inward(self, dice):
        """The peer describes what the inside host has announced, as a server does for another inside host."""
        return Script(dice, self.peer, self.contact, OUTSIDE, INWARD)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_edits_over_tcp_with_sums(make_scene, seed):
    """Both ends of each connection talk at once, for as long as something of either is on its way. Lost segments,
    edited ones among them, are repeated by their senders, and what arrives is what should, to the last byte."""
    unlimited = {"limits.messages_per_second": 0, "log.level": "info"}
    scene = make_scene(nat=True, transport="tcp", config=unlimited)
    both = Described(scene)
    # Made over an undisturbed line: who has lost a SYN waits for seconds before he repeats anything, longer than we
    # hold.
    connections = [both.connect() for _ in range(CONNECTIONS)]
    wire = scene.keep(RoughWire(scene.lab, LOSS, LATE, seed))
    dice = random.Random(seed)
    ends = {}
    for number, (near, far) in enumerate(connections):
        outward, inward = (script.write(MESSAGES) for script in (both.outward(dice), both.inward(dice)))
        ends[f"inside {number}"], ends[f"peer {number}"] = pair(
            End(near, outward[0], inward[1], AHEAD), End(far, inward[0], outward[1], AHEAD)
        )
    exchange(ends, PATIENCE)
    done = wire.end()
    assert done["lost"] >= 10 and done["late"] >= 30, done
    nat = Ctl(scene).json("status")["nat"]
    assert nat["edited_messages"] >= 2 * CONNECTIONS * MESSAGES * 0.9, nat
    assert nat["unedited_messages"] == nat["guard_reset"] == nat["held"] == 0, nat


class LostPiece:
    """A message of the peer's in three segments, the middle of which is lost once. Session description and Request-URI
    name what the inside host has announced, so the message changes. repeats_after: the least time before the peer
    repeats."""

    def __init__(self, scene, repeats_after=None):
        both = Described(scene)
        peer = scene.lab.peer
        if repeats_after:
            peer.ip_batch(f"route change {OUTSIDE}/32 dev eth0 src {peer.ip4} rto_min {repeats_after}")
        self._near, self._far = both.connect()
        scene.keep(RoughWire(scene.lab, lose="lost-on-the-way"))
        call = Call.outgoing(both.peer, both.contact, None)
        self.sent = call.make("INVITE", sdp(OUTSIDE, audio(5350)), extra=[("X-Piece", "lost-on-the-way")]).text()
        self.edited = rewritten(self.sent, INWARD)

    def send(self):
        middle = self.sent.index("X-Piece")
        for piece in (self.sent[:middle], self.sent[middle : middle + 40], self.sent[middle + 40 :]):
            self._far.send(piece.encode(), socket.MSG_EOR)

    def hear(self, text, seconds):
        self._near.settimeout(seconds)
        assert read_exactly(self._near, len(text)).decode() == text


def test_a_sender_that_repeats_later_than_we_wait(make_scene):
    """What is held is not acknowledged, so its sender learns of a loss by its own clock alone. Where that is slower
    than nat.hold_time, all goes on as it came, which is said."""
    scene = make_scene(nat=True, transport="tcp", config={"nat.hold_time": "2s"})
    piece = LostPiece(scene, repeats_after="3s")
    piece.send()
    piece.hear(piece.sent, seconds=10)
    assert "the end of a message did not come in time" in scene.daemon.log


def test_a_sender_that_repeats_in_time(make_scene):
    """It repeats the first of the three after three seconds. That is answered, and it repeats what is missing at
    once."""
    scene = make_scene(nat=True, transport="tcp", config={"nat.hold_time": "5s"})
    piece = LostPiece(scene, repeats_after="3s")
    piece.send()
    piece.hear(piece.edited, seconds=5)


def test_a_piece_lost_after_a_silence(make_scene):
    """How long nobody has spoken says nothing about the line: the sender repeats as fast as ever."""
    scene = make_scene(nat=True, transport="tcp")
    piece = LostPiece(scene)
    time.sleep(6)
    piece.send()
    piece.hear(piece.edited, seconds=2)
