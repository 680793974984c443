# SPDX-License-Identifier: GPL-2.0-or-later
"""SIP messages of the scripted agents: just enough of RFC 3261, and strict, since the peers are ours or well known."""

import re


class SipMessage:
    """headers: (name, value) pairs as they stood. source: where it came from, as the agent's transport tells it. raw: the
    bytes that were received; None for one that was made here."""

    def __init__(self, start_line, headers, body="", source=None, raw=None):
        self.start_line = start_line
        self.headers = list(headers)
        self.body = body
        self.source = source
        self.raw = raw

    @property
    def status(self):
        return int(self.start_line.split()[1]) if self.start_line.startswith("SIP/2.0 ") else None

    @property
    def method(self):
        """Of a response: that of its request."""
        return self.get("CSeq").split()[1] if self.status else self.start_line.split()[0]

    @property
    def cseq(self):
        return int(self.get("CSeq").split()[0])

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        assert values, f"no {name} in:\n{self.text()}"
        return values[0]

    def tag(self, name):
        found = re.search(r";tag=([^;\s]+)", self.get(name))
        return found.group(1) if found else None

    def uri(self, name):
        """The URI of a name-addr."""
        value = self.get(name)
        found = re.search(r"<([^>]*)>", value)
        return found.group(1) if found else value.split(";")[0].strip()

    def text(self):
        lines = [self.start_line]
        lines += [f"{name}: {value}" for name, value in self.headers if name.lower() != "content-length"]
        lines.append(f"Content-Length: {len(self.body.encode())}")
        return "\r\n".join(lines) + "\r\n\r\n" + self.body


def parse(data, source=None):
    """data: bytes of exactly one message."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    # A line that begins with white space continues the one before (RFC 3261 section 7.3.1).
    first, *rest = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    headers = []
    for line in rest:
        name, _, value = line.partition(":")
        headers.append((name.strip(), value.strip()))
    return SipMessage(first, headers, body, source, data)


def split_stream(data):
    """Cuts whole messages off a TCP stream. Returns them as bytes, and the rest."""
    messages = []
    while True:
        data = data.lstrip(b"\r\n")
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return messages, data
        length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", data[:end])
        assert length, f"a message over TCP without Content-Length: {data[:end]!r}"
        size = end + 4 + int(length.group(1))
        if len(data) < size:
            return messages, data
        messages.append(data[:size])
        data = data[size:]


def sdp(address, *media, version=1, session=()):
    """A session description (RFC 8866). media: texts of audio(), or of whole m= sections."""
    family = "IP6" if ":" in address else "IP4"
    lines = ["v=0", f"o=lab 1 {version} IN {family} {address}", "s=-", f"c=IN {family} {address}", "t=0 0", *session, *media]
    return "\r\n".join(lines) + "\r\n"


def audio(port, direction=None, connection=None):
    """direction: sendrecv, sendonly, recvonly, inactive. connection: an address for a c= line of this medium."""
    lines = [f"m=audio {port} RTP/AVP 0"]
    if connection:
        lines.append(f"c=IN {'IP6' if ':' in connection else 'IP4'} {connection}")
    lines.append("a=rtpmap:0 PCMU/8000")
    if direction:
        lines.append(f"a={direction}")
    return "\r\n".join(lines)
