# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP connections between hosts of the lab: who gets through, and who does not."""

import socket

BLOCKED_SECONDS = 0.35  # a firewall that drops says nothing; on these wires an answer takes a millisecond
SECONDS = 5


def _stream_socket(host, address):
    return host.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)


class Listener:
    """A TCP port that is held open on a host. What connects waits in the backlog."""

    def __init__(self, host, port, address=None):
        self.address = (address or host.ip4, port)
        self._socket = _stream_socket(host, self.address[0])
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(self.address)
        self._socket.listen(16)

    def accept(self, seconds=SECONDS):
        """The connection, and (address, port) of who made it."""
        self._socket.settimeout(seconds)
        connection, remote = self._socket.accept()
        connection.settimeout(SECONDS)
        return connection, remote[:2]

    def close(self):
        self._socket.close()


def dial(host, address, seconds=SECONDS, source=None):
    """A connection from a host; OSError if there is none. source: the host's own address, where it has several."""
    connection = _stream_socket(host, address[0])
    try:
        connection.settimeout(seconds)
        if source:
            connection.bind((source, 0))
        connection.connect(tuple(address))
    except OSError:
        connection.close()
        raise
    connection.settimeout(SECONDS)
    return connection


def is_blocked(host, address):
    """Whether nothing answers a connection from that host."""
    try:
        dial(host, address, BLOCKED_SECONDS).close()
    except OSError:
        return True
    return False


def read_exactly(connection, count):
    data = bytearray()
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionError(f"the connection ended after {len(data)} of {count} bytes")
        data += part
    return bytes(data)
