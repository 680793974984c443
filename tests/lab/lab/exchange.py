# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP connections whose ends say all that they have to say, both at once. What each hears is compared by its sum with
what it must hear.

An end does not read messages: not a byte may be another, or in another place.
"""

import hashlib
import select
import socket
import time


class End:
    """One end. says: pieces of bytes, each a segment of its own if it fits. hears: what must come from the other end.
    ahead: how many bytes it may be ahead of what the other end has heard."""

    def __init__(self, connection, says, hears, ahead):
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self._to_say = [bytes(piece) for piece in says]
        self._must_hear = hears
        self._heard = bytearray()
        self._said = 0
        self._ahead = ahead
        self._ended = False
        self.other = None

    def wants_to_write(self):
        return bool(self._to_say) and self._said - self.other.heard < self._ahead

    @property
    def heard(self):
        return len(self._heard)

    def progress(self):
        return f"{len(self._heard)} of {len(self._must_hear)} bytes"

    def write(self):
        """As much as it may; behind the last piece, nothing more comes from this end."""
        while self.wants_to_write():
            try:
                # MSG_EOR: what follows does not go into the same segment.
                count = self.connection.send(self._to_say[0], socket.MSG_EOR)
            except BlockingIOError:
                return
            self._said += count
            self._to_say[:1] = [self._to_say[0][count:]] if count < len(self._to_say[0]) else []
        if not self._to_say:
            self.connection.shutdown(socket.SHUT_WR)

    def read(self):
        while not self._ended:
            try:
                data = self.connection.recv(1 << 16)
            except BlockingIOError:
                return
            self._heard += data
            self._ended = not data

    def has_ended(self):
        return self._ended

    def check(self, name):
        """That it has heard what it must, to the last byte. Returns the sum."""
        sums = [hashlib.sha256(one).hexdigest() for one in (self._heard, self._must_hear)]
        assert sums[0] == sums[1], f"{name}: {self._difference()}"
        return sums[0]

    def _difference(self):
        heard, must = bytes(self._heard), self._must_hear
        at = next((i for i, (one, other) in enumerate(zip(heard, must)) if one != other), min(len(heard), len(must)))
        around = slice(max(0, at - 200), at + 200)
        return (f"{len(heard)} bytes of {len(must)}, and not the same from byte {at} on: {heard[around]!r} "
                f"in place of {must[around]!r}")


def pair(one, other):
    """Two ends of the same connection."""
    one.other, other.other = other, one
    return one, other


def exchange(ends, seconds):
    """ends: name -> End, in pairs. Until every end has heard that the other has ended."""
    deadline = time.monotonic() + seconds
    open_ends = dict(ends)
    while open_ends:
        late = {name: end.progress() for name, end in open_ends.items()}
        assert time.monotonic() < deadline, f"after {seconds} s these have not heard everything: {late}"
        by_connection = {end.connection: (name, end) for name, end in ends.items()}
        writers = [end.connection for end in ends.values() if end.wants_to_write()]
        readers = [end.connection for end in open_ends.values()]
        readable, writable, _ = select.select(readers, writers, [], 0.5)
        for ready, act in ((readable, End.read), (writable, End.write)):
            for connection in ready:
                name, end = by_connection[connection]
                try:
                    act(end)
                except ConnectionError as broken:
                    raise AssertionError(f"{name}: {broken} after {end.progress()}") from None
                if end.has_ended():
                    open_ends.pop(name, None)
    return {name: end.check(name) for name, end in ends.items()}
