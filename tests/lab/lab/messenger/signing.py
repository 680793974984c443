# SPDX-License-Identifier: GPL-2.0-or-later
"""What Messenger and its server sign, and how ([MS-SIP] 3.1.4.2): a row of <value> items that one changed byte spoils.

The tokens that agree on the key have the form of NTLMSSP's and Kerberos', not their mathematics: the key is a hash of the
last token and a password, so both ends know it only if the token has arrived as it was sent.
"""

import base64
import hmac
import itertools
import os
import re
import struct

REALM = "SIP Communications Service"
SERVER = "lcs.example.com"
PASSWORD = b"lab"
WINDOW = 256
SEQUENCE = 100  # of the signature's token; SIP has its own counter
_KERBEROS_TICKET = 2300  # bytes: a user in a few dozen groups
_opaques = itertools.count(0x1CF0)


def parameters(value):
    """'NTLM qop="auth", opaque="1CF0"' -> ("NTLM", {"qop": "auth", "opaque": "1CF0"})."""
    scheme, _, rest = value.partition(" ")
    return scheme, {name: quoted or bare for name, quoted, bare in re.findall(r'([\w-]+)=(?:"([^"]*)"|([^",\s]+))', rest)}


def target_name(scheme):
    """Of the server, as Kerberos and NTLM name it."""
    return f"sip/{SERVER}" if scheme == "Kerberos" else SERVER


def new_opaque():
    return f"{next(_opaques):04X}"


def ntlm_challenge():
    """NTLMSSP CHALLENGE_MESSAGE, with target information."""
    named = [(2, _wide("EXAMPLE")), (1, _wide("LCS")), (0, b"")]
    info = b"".join(struct.pack("<HH", kind, len(text)) + text for kind, text in named)
    name = _wide("EXAMPLE")
    fixed = 56
    return (
        b"NTLMSSP\0" + struct.pack("<IHHI", 2, len(name), len(name), fixed) + struct.pack("<I", 0x62898215) + os.urandom(8)
        + bytes(8) + struct.pack("<HHI", len(info), len(info), fixed + len(name)) + bytes.fromhex("0502ce0e0000000f") + name + info
    )


def ntlm_authenticate(user):
    """NTLMSSP AUTHENTICATE_MESSAGE of a user; the responses are random bytes."""
    fields = [os.urandom(24), os.urandom(232), _wide("EXAMPLE"), _wide(user), _wide("DESKTOP"), os.urandom(16)]
    table, payload, at = b"", b"", 64
    for field in fields:
        table += struct.pack("<HHI", len(field), len(field), at + len(payload))
        payload += field
    return b"NTLMSSP\0" + struct.pack("<I", 3) + table + struct.pack("<I", 0x62808215) + payload


def kerberos_ticket():
    """A GSS token around an AP-REQ (RFC 4121 section 4.1): longer than a TCP segment once it is base64."""
    inner = bytes.fromhex("06092a864886f71201020201006e82")
    inner += struct.pack("!H", _KERBEROS_TICKET) + os.urandom(_KERBEROS_TICKET)
    return b"\x60\x82" + struct.pack("!H", len(inner)) + inner


def _wide(text):
    return text.encode("utf-16-le")


class Association:
    """A security association, as one of its ends has it. own: "c" for the client, "s" for the server."""

    def __init__(self, scheme, opaque, token, own):
        self.scheme = scheme
        self.opaque = opaque
        self.target = target_name(scheme)
        self._key = hmac.digest(PASSWORD, token, "md5")
        self._own = own
        self._number = itertools.count(1)
        self._seen = set()

    def _signature(self, values):
        text = "".join(f"<{value}>" for value in values).encode()
        # NTLM's token with extended session security: version, HMAC-MD5 of number and text, number.
        number = struct.pack("<I", SEQUENCE)
        return (struct.pack("<I", 1) + hmac.digest(self._key, number + text, "md5")[:8] + number).hex()

    def _values(self, message, rand, number):
        values = [self.scheme, rand, number, REALM, self.target, message.get("Call-ID"), message.cseq, message.method]
        values += [message.uri("From"), message.tag("From") or "", message.tag("To") or ""]
        values.append(message.get("Expires") if message.all("Expires") else "")
        if message.status:
            values.append(message.status)
        return values

    def sign(self, message):
        """The value of the header that carries the signature of this message."""
        rand, number = os.urandom(4).hex().upper(), next(self._number)
        signature = self._signature(self._values(message, rand, number))
        word = "response" if self._own == "c" else "rspauth"
        return (
            f'{self.scheme} qop="auth", opaque="{self.opaque}", realm="{REALM}", targetname="{self.target}", '
            f'{self._own}rand="{rand}", {self._own}num="{number}", {word}="{signature}"'
        )

    def complaint(self, message, header):
        """What is wrong with the other end's signature; None if nothing is. A number seen before is wrong, too."""
        if not message.all(header):
            return f"no {header}"
        scheme, given = parameters(message.get(header))
        other = "s" if self._own == "c" else "c"
        word = "rspauth" if self._own == "c" else "response"
        if (scheme, given.get("opaque")) != (self.scheme, self.opaque):
            return "another security association"
        number = int(given[f"{other}num"])
        if given[word] != self._signature(self._values(message, given[f"{other}rand"], number)):
            return "the signature does not fit what it signs"
        if number in self._seen or number <= max(self._seen, default=0) - WINDOW:
            return f"number {number} once more"
        self._seen.add(number)
        return None


def encode(token):
    return base64.b64encode(token).decode()


def decode(text):
    return base64.b64decode(text, validate=True)
