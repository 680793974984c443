# SPDX-License-Identifier: GPL-2.0-or-later
"""Attacks on how packets become messages: a browser is made to send bytes that look like SIP to whoever looks at
packets instead of streams (NAT Slipstreaming and its kin), and SIP whose end nobody agrees on.
"""

import socket
import struct
import time

from lab.attacks.attack import Attack
from lab.attacks.field import END, data_of, opaque, refused, counted
from lab.forge import ACK, PSH, sequence_numbers

NAT_FAST = {"nat.hold_time": "1s"}  # what is held behind NAT waits for its end, in vain here

HTTP = (
    b"POST /upload HTTP/1.1\r\nHost: attacker.example:5060\r\nContent-Type: multipart/form-data; boundary=B\r\n"
    b"Content-Length: 20000\r\n\r\n--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n"
)
HTTP_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n"
DCC = b"PRIVMSG victim :\x01DCC SEND file 167838218 6891 4096\x01\r\n"  # 10.1.2.10 as a number
FILLER = b"x" * 32


def stun_allocate(length):
    """TURN's Allocate with a USERNAME of that length, whose bytes follow (RFC 5766, RFC 5389)."""
    attribute = struct.pack("!HH", 0x0006, length)
    return struct.pack("!HHI", 0x0003, len(attribute) + length, 0x2112A442) + b"T" * 12 + attribute


def _both_ways(field, ours, theirs):
    """Two lists of parts, over one connection of the victim to the attacker's port 5060."""
    here, there = field.connect()
    field.pass_through(here, there, *ours)
    field.pass_through(there, here, *theirs)


def http_post(method):
    """NAT Slipstreaming v1: a segment of the POST begins exactly with a request line, and the answer's with a status
    line.
    """

    def act(field):
        body = field.invite().body if method == "INVITE" else ""
        request = field.request(method, "slip", body, extra=[("Expires", "600")])
        answer = field.response(request, body=None if body else "")
        _both_ways(field, [HTTP + b"A" * 900, data_of(request)], [HTTP_ANSWER, data_of(answer)])

    return act


def http_answer(field):
    """The other way round: what the attacker's web server sends begins with an INVITE, and a script sends the
    answer.
    """
    here, there = field.connect()
    asked = field.request("INVITE", "back", field.response(field.request()).body, source=field.attacker.ip4)
    said = field.response(asked, body=field.invite().body)
    field.pass_through(here, there, HTTP)
    field.pass_through(there, here, HTTP_ANSWER, data_of(asked))
    field.pass_through(here, there, data_of(said))


def turn_over_tcp(field):
    """The form for browsers with WebRTC: the username of a TURN server's entry, over TCP, as long as it takes."""
    invite = field.invite("turn")
    padding = stun_allocate(1400)
    _both_ways(field, [padding + b"U" * 900, data_of(invite)], [stun_allocate(0), data_of(field.response(invite))])


def _fragmented(beginning):
    """The second fragment of a datagram begins with a request line."""

    def act(field):
        invite = field.invite("fragment", transport="UDP")
        head = beginning + b"U" * (1400 - len(beginning))
        forger = field.forger(field.victim)

        def send(data, source, destination):
            forger.udp_in_fragments(source, destination, data, len(head))

        data, source = field.datagram(head + data_of(invite), send=send)
        assert data == head + data_of(invite)
        field.answer_datagram(data_of(field.response(invite)), source)

    return act


def turn_over_udp(field):
    """A TURN message on port 5060 with an INVITE in its username, and what a TURN server would answer."""
    invite = field.invite("username", transport="UDP")
    text = data_of(invite)
    data, source = field.datagram(stun_allocate(len(text)) + text)
    assert data.endswith(text)
    field.answer_datagram(data_of(field.response(invite)), source)


def other_host(port):
    """NAT Slipstreaming v2: the stream is real SIP, and names another inside host."""

    def act(field):
        invite = field.invite("v2", field.other.ip4, port)
        text = data_of(invite).replace(f"<sip:victim@{field.victim.ip4}:5060>".encode(),
                                       f"<sip:victim@{field.other.ip4}:{port}>".encode())
        _both_ways(field, [text], [data_of(field.response(invite))])

    return act


def irc_raw(field):
    """What the kernel's IRC helper falls for, on our port."""
    _both_ways(field, [b"NICK victim\r\n", DCC], [b":a PRIVMSG victim :hi\r\n", DCC])


def irc_elsewhere(field):
    here, there = field.connect(6667)
    field.pass_through(here, there, b"NICK victim\r\n", DCC)
    field.pass_through(there, here, DCC)


def irc_in_message(field):
    """In the text of a MESSAGE, and at the beginning of a segment of it."""
    extra = [("Subject", "DCC SEND file 167838218 6891 4096"), ("Content-Type", "text/plain")]
    message = field.request("MESSAGE", "irc", extra=extra)
    message.body = "hello\r\n" + DCC.decode()
    data = data_of(message)
    at = data.index(DCC)
    here, there = field.connect()
    field.pass_through(here, there, data[:at], data[at:] + data_of(field.request("OPTIONS", "irc", cseq=2)))


def length_trick(*lines, body=FILLER):
    """A MESSAGE whose end depends on how Content-Length is read, and an INVITE at the place where a wrong reading puts
    it.
    """

    def act(field):
        message = field.request("MESSAGE", "outer", extra=[("Content-Type", "text/plain")])
        head = data_of(message).partition(b"Content-Length")[0]
        invite = field.invite("inner")
        outer = head + "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body
        _both_ways(field, [outer, data_of(invite)], [data_of(field.response(invite))])

    return act


def inner_message(field):
    """The Content-Length is right: the whole INVITE is the text of a MESSAGE."""
    invite = data_of(field.invite("inner"))
    message = field.request("MESSAGE", "outer", extra=[("Content-Type", "text/plain")])
    message.body = invite.decode()
    answer = data_of(field.response(field.invite("inner")))
    head = len(data_of(message)) - len(invite)
    _both_ways(field, [data_of(message)[:head], invite], [answer])


def datagram_trick(*lines):
    """The same in a datagram, which ends where it ends."""

    def act(field):
        invite = field.invite("datagram", transport="UDP")
        head, _, body = data_of(invite).partition(b"\r\n\r\n")
        head = head.partition(b"Content-Length")[0]
        text = head + "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body
        data, source = field.datagram(text)
        assert field.scene.nat or data == text
        field.answer_datagram(data_of(field.response(invite)), source)

    return act


def junk_between(field):
    """Real SIP, then a line that is none, then SIP again."""
    invite = field.invite("junk")
    parts = [data_of(field.request("OPTIONS", "first")), b"and now for something else\r\n", data_of(invite)]
    _both_ways(field, parts, [data_of(field.response(invite))])


def overlapping(real_port, forged_port):
    """A segment that comes too early says one port, and the one that fills the gap another."""

    def act(field):
        here, there = field.connect()
        invite = field.invite("overlap", port=real_port)
        data = data_of(invite) + END
        forged = data.replace(f"m=audio {real_port} ".encode(), f"m=audio {forged_port} ".encode())
        assert len(forged) == len(data) and forged != data
        seq, ack = sequence_numbers(here)
        cut = 100
        forger, target = field.forger(field.victim), there_of(field, there)
        forger.tcp(here.getsockname(), target, seq + cut, ack, ACK | PSH, forged[cut:])
        time.sleep(0.05)
        assert here.send(data, socket.MSG_EOR) == len(data)
        arrived = b""
        while not arrived.endswith(END):
            arrived += there.recv(65536)
        assert arrived.startswith(data[:cut])
        field.pass_through(there, here, data_of(field.response(invite)))

    return act


def there_of(field, there):
    """The attacker's end of a connection, as the victim knows it."""
    return field.attacker.ip4, there.getsockname()[1]


NOT_SIP, BAD_FRAMING, UNCLEAR = opaque("not_sip"), opaque("bad_framing"), refused("not_understood")
DATAGRAM = counted("not_sip_datagrams_total")


def _lengths():
    """Values of Content-Length of which two readers may think differently."""
    readings = {
        "2^32+32": ["Content-Length: 4294967328"],
        "2^64+32": ["Content-Length: 18446744073709551648"],
        "-32": ["Content-Length: -32"],
        "+32": ["Content-Length: +32"],
        "0x20": ["Content-Length: 0x20"],
        "32 and 0": ["Content-Length: 32", "Content-Length: 0"],
        "0 and l 32": ["Content-Length: 0", "l: 32"],
        "32, 0": ["Content-Length: 32, 0"],
        "empty": ["Content-Length:"],
        "none at all": [],
    }
    for name, lines in readings.items():
        yield Attack(f"Content-Length {name}", length_trick(*lines), BAD_FRAMING, config=NAT_FAST)
    yield Attack("Content-Length too short", length_trick("Content-Length: 5"), NOT_SIP, config=NAT_FAST)
    yield Attack("Content-Length beyond all", length_trick("Content-Length: 100000"), None, None, config=NAT_FAST)
    yield Attack("an INVITE as the text of a MESSAGE", inner_message, None, None)
    for name, lines in (("2^32+32", ["Content-Length: 4294967328"]), ("-1", ["Content-Length: -1"]),
                        ("two", ["Content-Length: 10", "Content-Length: 20"]), ("too long", ["Content-Length: 9999"])):
        yield Attack(f"Content-Length {name} over UDP", datagram_trick(*lines), UNCLEAR)


ATTACKS = [
    Attack("slipstreaming v1 INVITE", http_post("INVITE"), NOT_SIP),
    Attack("slipstreaming v1 REGISTER", http_post("REGISTER"), NOT_SIP),
    Attack("slipstreaming by the web server's answer", http_answer, NOT_SIP),
    Attack("slipstreaming TURN over TCP", turn_over_tcp, NOT_SIP),
    # Keep-alives, STUN and probes come to a SIP port all day: they are counted and nobody is called.
    Attack("slipstreaming UDP in fragments", _fragmented(b""), DATAGRAM, None),
    Attack("slipstreaming TURN over UDP in fragments", _fragmented(stun_allocate(2000)), DATAGRAM, None),
    Attack("slipstreaming TURN over UDP", turn_over_udp, DATAGRAM, None),
    Attack("slipstreaming v2 printer", other_host(9101), refused("not_sender_address")),
    Attack("slipstreaming v2 SSH of another host", other_host(22), refused("not_sender_address")),
    Attack("IRC on the SIP port", irc_raw, NOT_SIP),
    Attack("IRC elsewhere", irc_elsewhere, None, None),
    Attack("IRC in a MESSAGE", irc_in_message, None, None),
    Attack("junk between messages", junk_between, NOT_SIP),
    Attack("overlapping segments, the early one opens", overlapping(30000, 40000), opaque("conflicting_segments")),
    Attack("overlapping segments, the late one opens", overlapping(40000, 30000), opaque("conflicting_segments")),
    *_lengths(),
]
