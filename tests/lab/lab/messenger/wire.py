# SPDX-License-Identifier: GPL-2.0-or-later
"""One TCP connection that carries SIP. Every byte is kept, in both directions: what a gateway changes, a test can see."""

import socket
import ssl
import time

from lab import sipmsg

KEEP_ALIVE = b"\r\n\r\n"
PAUSE = 0.01  # between parts that shall be segments of their own


class Wire:
    def __init__(self, connection):
        self.socket = connection
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = bytearray()
        self.received = bytearray()
        self.compressed = False  # from here on the bytes are no messages
        self._rest = b""

    @property
    def local(self):
        return self.socket.getsockname()[:2]

    @property
    def remote(self):
        return self.socket.getpeername()[:2]

    @property
    def transport(self):
        return "tls" if isinstance(self.socket, ssl.SSLSocket) else "tcp"

    def fileno(self):
        return self.socket.fileno()

    def send(self, data, cuts=()):
        """cuts: offsets at which a new segment begins."""
        self.sent += data
        edges = [0, *sorted(cuts), len(data)]
        for start, end in zip(edges, edges[1:]):
            self.socket.sendall(data[start:end])
            if end != len(data):
                time.sleep(PAUSE)

    def read(self):
        """What has arrived: messages, as they stood. None at the end of the connection."""
        data = self.socket.recv(65536)
        while isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            data += self.socket.recv(65536)
        if not data:
            return None
        self.received += data
        if self.compressed:
            return []
        messages, self._rest = sipmsg.split_stream(self._rest + data)
        return [sipmsg.parse(message, self) for message in messages]

    def close(self):
        self.socket.close()
