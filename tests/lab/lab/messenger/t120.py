# SPDX-License-Identifier: GPL-2.0-or-later
"""Application sharing as NetMeeting's T.120 stack begins it: TPKT (RFC 1006), X.224 class 0, MCS Connect-Initial (T.125) that
carries a GCC invitation (T.124); then data, both ways, in X.224 DT packets.
"""

import os
import struct

from lab.tcp import read_exactly

PORT = 1503
CONNECTION_REQUEST, CONNECTION_CONFIRM, DATA = 0xE0, 0xD0, 0xF0
_REFERENCE = 0x1234
_PAGES = 40
_PAGE = 4000


def send_packet(connection, tpdu):
    """tpdu: from its length indicator on."""
    connection.sendall(struct.pack("!BBH", 3, 0, 4 + len(tpdu)) + tpdu)


def read_packet(connection):
    """The code of the TPDU, and what follows its header."""
    version, _, length = struct.unpack("!BBH", read_exactly(connection, 4))
    assert version == 3, "no TPKT"
    tpdu = read_exactly(connection, length - 4)
    return tpdu[1] & 0xF0, tpdu[1 + tpdu[0] :]


def _connect(code, destination, source):
    """X.224 sections 13.3, 13.4: length indicator, code, both references, class 0."""
    return struct.pack("!BBHHB", 6, code, destination, source, 0)


def _ber(tag, content):
    length = struct.pack("!B", len(content)) if len(content) < 128 else b"\x82" + struct.pack("!H", len(content))
    return tag + length + content


def connect_initial():
    """T.125 section 7, part 1; the user data is T.124's key and a ConferenceInviteRequest."""
    parameters = b"".join(_ber(b"\x02", bytes([number])) for number in (34, 3, 0, 1, 0, 1))
    parameters += _ber(b"\x02", b"\xff\xf8") + _ber(b"\x02", b"\x02")
    invitation = bytes.fromhex("00050014 7c0001 1a 60 00 10 00 01 00 00 01 03 00 00 e0 10".replace(" ", ""))
    body = _ber(b"\x04", b"\x01") + _ber(b"\x04", b"\x01") + _ber(b"\x01", b"\xff")
    body += _ber(b"\x30", parameters) * 3 + _ber(b"\x04", invitation)
    return _ber(b"\x7f\x65", body)


def connect_response():
    parameters = b"".join(_ber(b"\x02", bytes([number])) for number in (34, 3, 0, 1, 0, 1))
    parameters += _ber(b"\x02", b"\xff\xf8") + _ber(b"\x02", b"\x02")
    return _ber(b"\x7f\x66", _ber(b"\x0a", b"\0") + _ber(b"\x02", b"\0") + _ber(b"\x30", parameters) + _ber(b"\x04", b""))


def _send_data(connection, data):
    send_packet(connection, bytes([2, DATA, 0x80]) + data)


def _read_data(connection):
    code, data = read_packet(connection)
    assert code == DATA
    return data


def _pages():
    return [os.urandom(_PAGE) for _ in range(_PAGES)]


def invite(connection):
    """The side that connects: begins the conference and draws; returns what it has drawn and what it has got back."""
    send_packet(connection, _connect(CONNECTION_REQUEST, 0, _REFERENCE))
    code, _ = read_packet(connection)
    assert code == CONNECTION_CONFIRM
    _send_data(connection, connect_initial())
    assert _read_data(connection)[:2] == b"\x7f\x66"
    drawn, seen = _pages(), []
    for page in drawn:
        _send_data(connection, page)
        seen.append(_read_data(connection))
    return drawn, seen


def join(connection):
    """The side that is connected to: takes part, and draws as well."""
    code, _ = read_packet(connection)
    assert code == CONNECTION_REQUEST
    send_packet(connection, _connect(CONNECTION_CONFIRM, _REFERENCE, 0x4321))
    initial = _read_data(connection)
    assert initial == connect_initial(), "the conference's first message has arrived changed"
    _send_data(connection, connect_response())
    drawn, seen = _pages(), []
    for page in drawn:
        seen.append(_read_data(connection))
        _send_data(connection, page)
    return drawn, seen
