# SPDX-License-Identifier: GPL-2.0-or-later
"""A bad line between the gateway and the outside: it loses packets and brings some too late. Which ones, a seed says.

(The kernel's netem would do the same; not every kernel has it.)
"""

import heapq
import json
import random
import select
import signal
import socket
import subprocess
import sys
import time

SOL_PACKET = 263
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
ETH_P_ALL = 0x0003
VNET_HDR = 10  # before each frame: checksums and segments that are still to be made, handed on as they are
LATE_SECONDS = 0.01
LATE_FRAMES = 5  # a late packet is overtaken by up to so many


class RoughWire:
    """Takes the place of the wire between the gateway and the outside hosts. loss, late: shares of the packets.
    lose: besides them, the first packet of all with this text in it."""

    def __init__(self, lab, loss=0.0, late=0.0, seed=0, lose=""):
        wire = lab.wire
        wire.ip_batch(
            "link set int-gateway nomaster",
            "link add rough type veth peer name rough-far",
            "link set rough-far master internet up",
            "link set rough up",
        )
        # Packets as they go over a real wire: not several segments as one.
        lab.gateway.ip_batch("link set outside gso_max_segs 1")
        for host in (lab.server, lab.peer, lab.third):
            host.ip_batch("link set eth0 gso_max_segs 1")
        argv = [sys.executable, __file__, "int-gateway", "rough", loss, late, seed, lose]
        self._process = wire.popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._process.stdout.readline() == b"ready\n"

    def end(self):
        """What it did: packets "carried", "lost", "late"."""
        self._process.send_signal(signal.SIGTERM)
        return json.loads(self._process.communicate(timeout=5)[0])

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def _open(interface):
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    opened.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    opened.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    opened.bind((interface, ETH_P_ALL))
    return opened


def _may_suffer(frame):
    """IPv4 with UDP or TCP. Without the neighbours' addresses nothing would go for a second."""
    return frame[VNET_HDR + 12 : VNET_HDR + 14] == b"\x08\x00" and frame[VNET_HDR + 23] in (6, 17)


class _Direction:
    def __init__(self, destination, dice, loss, late, lose, counts):
        self._destination = destination
        self._dice = dice
        self._loss, self._late = loss, late
        self._lose = lose
        self._counts = counts
        self._frames = 0
        self._waiting = []  # (number of frames after which it goes, latest time, frame)

    def take(self, frame):
        self._frames += 1
        lot = self._dice.random() if _may_suffer(frame) else 1.0
        chosen = bool(self._lose) and self._lose in frame
        if chosen:
            self._lose = b""
        if chosen or lot < self._loss:
            self._counts["lost"] += 1
        elif lot < self._loss + self._late:
            self._counts["late"] += 1
            due = self._frames + self._dice.randint(1, LATE_FRAMES)
            heapq.heappush(self._waiting, (due, time.monotonic() + LATE_SECONDS, frame))
        else:
            self._send(frame)
        while self._waiting and self._waiting[0][0] <= self._frames:
            self._send(heapq.heappop(self._waiting)[2])

    def send_what_is_too_late(self):
        """Nothing has come since that could overtake it."""
        now = time.monotonic()
        for entry in [entry for entry in self._waiting if entry[1] <= now]:
            self._waiting.remove(entry)
            self._send(entry[2])
        heapq.heapify(self._waiting)

    def _send(self, frame):
        self._counts["carried"] += 1
        self._destination.send(frame)


def main(left, right, loss, late, seed, lose):
    dice = random.Random(seed)
    counts = {"carried": 0, "lost": 0, "late": 0}
    sockets = [_open(left), _open(right)]
    ways = {
        source: _Direction(destination, dice, float(loss), float(late), lose.encode(), counts)
        for source, destination in (sockets, sockets[::-1])
    }
    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
    print("ready", flush=True)
    while not ending:
        for source in select.select(sockets, [], [], LATE_SECONDS)[0]:
            try:
                frame = source.recv(1 << 17, socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue  # it was there for select() alone; a wait here would outlast SIGTERM
            ways[source].take(frame)
        for way in ways.values():
            way.send_what_is_too_late()
    print(json.dumps(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
