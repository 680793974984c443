# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that go on whatever happens to the gateway: messages are sent again until they arrive, media runs all the time,
and each call knows what the kernel must have open for it.
"""

import itertools
import struct
import threading
import time

from lab import sdpview
from lab.media import Port, rtp_packet
from lab.scene import audio, sdp
from lab.sipua import Call

RETRANSMIT = 0.4  # T1 of RFC 3261, nearly
PATIENCE = 15
MEDIA_INTERVAL = 0.25  # of each direction of each call, at least
MEDIA_PER_SECOND = 160  # of each direction of all calls together, at most: what a Python program can keep up with
FIRST_PORT, LAST_PORT = 20000, 60000
EDGE = 0.1  # what was sent so shortly before or after something is on neither side of it


class Uncertain(Exception):
    """A message may have passed while nobody read it."""


class Wire:
    """Sends until it has arrived. interrupt(): called between a message's leaving and its arriving."""

    def __init__(self, interrupt):
        self._interrupt = interrupt
        self.resent = 0

    def deliver(self, send, receiver, what):
        deadline = time.monotonic() + PATIENCE
        while True:
            send()
            self._interrupt()
            try:
                return receiver.receive(what, RETRANSMIT)
            except AssertionError:
                self.resent += 1
                assert time.monotonic() < deadline, f"a message did not get through in {PATIENCE} s"


def request_of(call, method, cseq):
    return lambda one: one.status is None and one.method == method and one.get("Call-ID") == call and one.cseq == cseq


def response_of(call, method, cseq):
    return lambda one: one.status == 200 and one.method == method and one.get("Call-ID") == call and one.cseq == cseq


class LiveCall:
    """Between an inside agent and an outside one. state: "certain" (the kernel must have exactly its pinholes),
    "uncertain" (all of them or none), "ended", or "ended unread" (likewise all or none, until its media has been silent
    for long).
    """

    _numbers = itertools.count()

    def __init__(self, scene, wire, inside, outside):
        self._scene, self._wire = scene, wire
        self._inside, self._outside = inside, outside
        self._number = next(LiveCall._numbers)
        self._port = FIRST_PORT + 4 * self._number % (LAST_PORT - FIRST_PORT)
        self._tag = f"x{self._number}"
        self.call = Call.outgoing(inside, outside.uri, outside.address)
        self.state = "uncertain"
        self.ended_at = None
        self._back = None
        self.media = CallMedia(inside, outside, self._port)

    @property
    def id(self):
        return self.call.call_id

    @property
    def inside_host(self):
        return self._inside.host.host

    def pinholes(self):
        """(remote, inside, protocol, port)."""
        remote, inside = self._outside.address[0], self._inside.address[0]
        return {(remote, inside, "udp", self.media.inside_port + more) for more in (0, 1)}

    def begin(self):
        self._negotiate()

    def move(self):
        """A re-INVITE by the inside host, for the same port."""
        self._negotiate()

    def _negotiate(self):
        """INVITE, 200, ACK. Uncertain until the last of it has passed."""
        self.state = "uncertain"
        call, inside, outside = self.call, self._inside, self._outside
        invite = call.make("INVITE", sdp(inside.address[0], audio(self.media.inside_port)))
        arrived = self._wire.deliver(
            lambda: inside.send(invite, call.to), outside, request_of(self.id, "INVITE", call.cseq)
        )
        answer = sdp(outside.address[0], audio(self.media.outside_port))
        accepted = self._wire.deliver(
            lambda: outside.reply(arrived, 200, answer, tag=self._tag),
            inside,
            response_of(self.id, "INVITE", call.cseq),
        )
        self._wire.deliver(lambda: call.ack(accepted), outside, request_of(self.id, "ACK", call.cseq))
        if self._back is None:
            self._back = Call.incoming(outside, arrived, self._tag)
        shown = (sdpview.address(arrived.body), sdpview.ports(arrived.body)[0])
        self.media.start(shown)

    def is_certain_now(self):
        self.state = "certain"
        self.media.counts_from(time.time())

    def end(self, by_peer):
        """BYE and its 200, by either side."""
        side, other = (self._back, self._inside) if by_peer else (self.call, self._outside)
        self.media.counts_until(time.time())
        self.state = "ended unread"
        self.ended_at = time.monotonic()
        bye = side.make("BYE")
        expected = request_of(self.id, "BYE", side.cseq)
        arrived = self._wire.deliver(lambda: side.agent.send(bye, side.to), other, expected)
        self._wire.deliver(lambda: other.reply(arrived, 200), side.agent, response_of(self.id, "BYE", side.cseq))
        self.media.stop()

    def is_over(self):
        self.state = "ended"


class CallMedia:
    """RTP and RTCP both ways, sent by a MediaThread. What counts is what was sent while the call was certain."""

    def __init__(self, inside, outside, port):
        self.inside_port, self.outside_port = port, port
        self._lines = [
            tuple(Port(agent.host, agent.address[0], port + more) for agent in (inside, outside)) for more in (0, 1)
        ]
        self._running = False
        self._shown = None
        self._sent = []  # (time, number)
        self._spans = []

    def close(self):
        for line in self._lines:
            for end in line:
                end.close()

    def start(self, shown):
        """shown: the (address, port) that the outside knows."""
        self._shown = shown
        self._running = True

    def stop(self):
        self._running = False

    def counts_from(self, moment):
        self._spans.append([moment, None])

    def counts_until(self, moment):
        if self._spans and self._spans[-1][1] is None:
            self._spans[-1][1] = moment

    def _ways(self):
        """(which, inside end, outside end, inside end as it is known outside)."""
        for more, (inside, outside) in enumerate(self._lines):
            yield inside, outside, (self._shown[0], self._shown[1] + more)

    def tick(self):
        """By the media thread."""
        if not self._running:
            return
        number = len(self._sent)
        self._sent.append((time.time(), number))
        for inside, outside, shown in self._ways():
            outside.send(rtp_packet(number), shown)
            inside.send(rtp_packet(number), outside.address)

    def lost(self, inside_tap, outside_tap):
        """(way, time) of each packet that counts and did not arrive; and how many count."""
        if self._shown is None:
            return [], 0
        certain = [(moment, number & 0xFFFF) for moment, number in self._sent
                   if any(begin + EDGE < moment < (end or moment) - EDGE for begin, end in self._spans)]
        lost = []
        for inside, outside, shown in self._ways():
            for way, tap, source, sink in (("in", inside_tap, outside.address, inside.address),
                                           ("out", outside_tap, shown, outside.address)):
                arrived = {struct.unpack_from("!H", packet.payload, 2)[0] for packet in tap.arrived(source, sink)}
                lost += [(way, moment) for moment, number in certain if number not in arrived]
        return lost, 4 * len(certain)


class MediaThread:
    """Ticks all calls. at_once: how many there will be."""

    def __init__(self, at_once):
        self._media = []
        self._interval = max(MEDIA_INTERVAL, at_once / MEDIA_PER_SECOND)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def add(self, media):
        with self._lock:
            self._media.append(media)

    def remove(self, media):
        """It is ticked no more when this returns."""
        with self._lock:
            self._media.remove(media)

    def _run(self):
        while not self._stop.is_set():
            with self._lock:
                for one in self._media:
                    one.tick()
            self._stop.wait(self._interval)

    def close(self):
        self._stop.set()
        self._thread.join()
