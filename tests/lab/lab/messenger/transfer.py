# SPDX-License-Identifier: GPL-2.0-or-later
"""Messenger's file transfer over TCP, which it calls TFTP and nobody else does: lines, then chunks, then a MAC. The receiver
speaks first, whoever has made the connection.
"""

import base64
import hashlib
import hmac
import os
import struct

from lab.tcp import read_exactly

FIRST_PORT, LAST_PORT = 6891, 6900
_VERSION = "VER MSN_SECURE_FTP"
_DONE = "BYE 16777989"
_CHUNK = 2045


def new_keys():
    """Encryption-Key and Hash-Key of a receiver, as invitations carry them."""
    return tuple(base64.b64encode(os.urandom(24)).decode() for _ in range(2))


def new_auth_cookie():
    return str(int.from_bytes(os.urandom(4), "big") % 90_000_000 + 10_000_000)


def _send_line(connection, text):
    connection.sendall(f"{text}\r\n".encode())


def _read_line(connection):
    line = bytearray()
    while not line.endswith(b"\r\n"):
        line += read_exactly(connection, 1)
    return line[:-2].decode()


def _expect(connection, wanted):
    line = _read_line(connection)
    assert line == wanted, f"{wanted!r} expected, {line!r} received"


def _key(text):
    return hashlib.sha1(base64.b64decode(text)).digest()[:16]


class _Rc4:
    def __init__(self, key):
        self._state = list(range(256))
        self._i = self._j = at = 0
        for i in range(256):
            at = (at + self._state[i] + key[i % len(key)]) & 255
            self._state[i], self._state[at] = self._state[at], self._state[i]

    def apply(self, data):
        state, i, j, out = self._state, self._i, self._j, bytearray()
        for byte in data:
            i = (i + 1) & 255
            j = (j + state[i]) & 255
            state[i], state[j] = state[j], state[i]
            out.append(byte ^ state[(state[i] + state[j]) & 255])
        self._i, self._j = i, j
        return bytes(out)


def _mac(data, hash_key):
    return base64.b64encode(hmac.digest(_key(hash_key), data, "sha1")).decode()


def send_file(connection, data, auth_cookie, keys):
    """The sender's side. keys: of the receiver."""
    _expect(connection, _VERSION)
    _send_line(connection, _VERSION)
    user = _read_line(connection).split()
    assert user[0] == "USR" and user[2] == auth_cookie, f"the sender does not know {user}"
    _send_line(connection, f"FIL {len(data)}")
    _expect(connection, "TFR")
    cipher = _Rc4(_key(keys[0]))
    for at in range(0, len(data), _CHUNK):
        chunk = cipher.apply(data[at : at + _CHUNK])
        connection.sendall(struct.pack("<BH", 0, len(chunk)) + chunk)
    _expect(connection, _DONE)
    _send_line(connection, f"MAC {_mac(data, keys[1])}")
    connection.close()


def receive_file(connection, user, auth_cookie, keys):
    """The receiver's side. Returns the file, whose MAC has been compared."""
    _send_line(connection, _VERSION)
    _expect(connection, _VERSION)
    _send_line(connection, f"USR {user} {auth_cookie}")
    word, size = _read_line(connection).split()
    assert word == "FIL"
    _send_line(connection, "TFR")
    data, cipher = bytearray(), _Rc4(_key(keys[0]))
    while len(data) < int(size):
        kind, length = struct.unpack("<BH", read_exactly(connection, 3))
        assert kind == 0, f"a chunk of type {kind}"
        data += cipher.apply(read_exactly(connection, length))
    _send_line(connection, _DONE)
    _expect(connection, f"MAC {_mac(bytes(data), keys[1])}")
    connection.close()
    return bytes(data)
