# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends numbered RTP packets between exact ports. What arrives is counted by a tap, not by who asked for it.

The two ends of a stream hold their ports open (otherwise hosts would answer with ICMP errors) and never send by themselves:
a firewall lets the peer's packets in as replies as soon as the inside host has sent to it, so every test says who starts.
"""

import socket
import struct
import threading
import time

from lab.namespaces import wait_until

INTERVAL = 0.02
RTP_PCMU = 0
SILENCE = b"\xff" * 160


def rtp_packet(number, ssrc=0x4D455353):
    """20 ms of PCMU silence (RFC 3550 section 5.1, RFC 3551 section 4.5.14)."""
    return struct.pack("!BBHII", 0x80, RTP_PCMU, number & 0xFFFF, number * 160 & 0xFFFFFFFF, ssrc) + SILENCE


class Port:
    """A UDP port held open on a host."""

    def __init__(self, host, address, port):
        self.address = (address, port)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = host.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(self.address)
        self._number = 0

    def close(self):
        self._socket.close()

    def send_one(self, destination):
        self.send(rtp_packet(self._number), destination)
        self._number += 1

    def send(self, packet, destination):
        try:
            self._socket.sendto(packet, destination)
        except ConnectionRefusedError:
            pass  # an ICMP error of an earlier packet; this one is simply the next
        except PermissionError:
            raise AssertionError("a host of the lab has a firewall; only the gateway may have one") from None


class Flow:
    """One direction: from a Port to an (address, port)."""

    def __init__(self, source, destination):
        self.source = source
        self.destination = destination
        self.sent = 0

    def send(self, count, interval=INTERVAL):
        send_all([self], count, interval)

    def send_one(self):
        self.source.send_one(self.destination)
        self.sent += 1


def send_all(flows, count, interval=INTERVAL):
    """Each flow sends count packets, in step with the others; then a moment for the last ones to arrive."""
    start = time.monotonic()
    for number in range(count):
        pause = start + number * interval - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        for flow in flows:
            flow.send_one()
    time.sleep(0.1)


class Running:
    """Media that goes on while the test does something else: `with Running(flows): ...`."""

    def __init__(self, flows, interval=INTERVAL):
        self._flows = flows
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._rounds = 0

    def _run(self):
        due = time.monotonic()
        while not self._stop.is_set():
            for flow in self._flows:
                flow.send_one()
            self._rounds += 1
            due += self._interval
            self._stop.wait(max(0.0, due - time.monotonic()))

    def wait_sent(self, count):
        """Until each flow has sent count packets more."""
        target = self._rounds + count
        wait_until(lambda: self._rounds >= target, 10 + count * self._interval, "the media thread")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        time.sleep(0.1)
