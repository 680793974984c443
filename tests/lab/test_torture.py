# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages made to torture parsers: RFC 4475, messages of our own for each case of RFC 5118, and all of the corpus'
oddities.

Each arrives byte for byte as it was sent, whatever we think of it, and opens nothing. What is understood is written
down here: a gateway need not be as strict as a server, for what passes is for the server to judge.
"""

import contextlib
import os
import re
import socket
import sys
import time
from pathlib import Path

import pytest

from lab.attacks.field import Field, counted, openings
from lab.daemon import ROOT
from lab.tcp import Listener, dial

sys.path.insert(0, str(ROOT / "tests" / "daemon" / "corpus"))
import capture_reader  # noqa: E402

CORPUS = Path(os.environ.get("MESSENGER_CORPUS") or ROOT.parent / "shared" / "corpus")
RFC4475 = CORPUS / "torture" / "rfc4475"
IPV6 = ROOT / "tests" / "data" / "ipv6"
ODDITIES = ROOT / "tests" / "data" / "oddities"
LARGEST_DATAGRAM = 65507

YES = "understood"
NO = "not understood"
NOT_SIP = "not SIP"
# name: (what RFC 4475 calls it, what we make of it in a datagram, and at the beginning of a connection)
MESSAGES = {
    "wsinv": ("valid", YES, YES),
    "intmeth": ("valid", YES, YES),
    "esc01": ("valid", YES, YES),
    "escnull": ("valid", YES, YES),
    "esc02": ("valid", YES, YES),
    "lwsdisp": ("valid", YES, YES),
    "longreq": ("valid", YES, YES),
    "dblreq": ("valid", YES, YES),  # a connection carries both requests, of a datagram the first counts
    "semiuri": ("valid", YES, YES),
    "transports": ("valid", YES, YES),
    "mpart01": ("valid", YES, YES),
    "unreason": ("valid", YES, YES),
    "noreason": ("valid", YES, YES),
    "badinv01": ("invalid", YES, YES),  # separators in From and Via that nobody needs to know where the call leads
    "clerr": ("invalid", NO, None),  # a connection waits for what is missing
    "ncl": ("invalid", NO, NOT_SIP),  # a negative Content-Length
    "scalar02": ("invalid", NO, NO),  # numbers beyond 32 bits
    "scalarlg": ("invalid", NO, NO),
    "quotbal": ("invalid", YES, YES),
    "ltgtruri": ("invalid", YES, YES),
    "lwsruri": ("invalid", NOT_SIP, NOT_SIP),  # blanks where the start line has none
    "lwsstart": ("invalid", NOT_SIP, NOT_SIP),
    "trws": ("invalid", NOT_SIP, NOT_SIP),
    "escruri": ("invalid", YES, YES),
    "baddate": ("invalid", YES, YES),
    "regbadct": ("invalid", YES, YES),
    "badaspec": ("invalid", YES, YES),
    "baddn": ("invalid", NO, None),  # its name of a header has blanks; over TCP it has no end
    "badvers": ("invalid", NOT_SIP, NOT_SIP),
    "mismatch01": ("invalid", NO, NO),  # two methods
    "mismatch02": ("invalid", NO, NO),
    "bigcode": ("invalid", NOT_SIP, NOT_SIP),
    "badbranch": ("transaction", YES, YES),
    "insuf": ("application", NO, NO),  # no Call-ID, From or To
    "unkscm": ("application", YES, YES),
    "novelsc": ("application", YES, YES),
    "unksm2": ("application", YES, YES),
    "bext01": ("application", YES, YES),
    "invut": ("application", YES, YES),
    "regaut01": ("application", YES, YES),
    "multi01": ("application", NO, NO),  # several Call-IDs
    "mcl01": ("application", NO, NOT_SIP),  # several Content-Lengths
    "bcast": ("application", YES, YES),
    "zeromf": ("application", YES, YES),
    "cparam01": ("application", YES, YES),
    "cparam02": ("application", YES, YES),
    "regescrt": ("application", YES, YES),
    "sdp01": ("application", YES, YES),
    "inv2543": ("application", YES, NOT_SIP),  # a body and no Content-Length, which datagrams alone may do
}


def need(folder, what):
    if not folder.is_dir():
        pytest.skip(f"{what} is not in the corpus here ({folder})")


class Post:
    """The victim's and the attacker's SIP port, for many messages through one gateway."""

    def __init__(self, scene, family=4):
        self.scene, self.family = scene, family
        self.field = Field(scene)
        self._ends = [self._socket(host) for host in (self.field.victim, self.field.attacker)]
        self._ends[1].settimeout(2)
        self._listener = scene.keep(Listener(self.field.attacker, 5060, self.field.attacker.address(family)))

    def _socket(self, host):
        made = self.scene.keep(host.socket(socket.AF_INET if self.family == 4 else socket.AF_INET6, socket.SOCK_DGRAM))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host.address(self.family), 5060))
        return made

    def datagram(self, data):
        """Sends it out; returns what arrived."""
        self._ends[0].sendto(data, (self.field.attacker.address(self.family), 5060))
        return self._ends[1].recv(65535)

    def back(self, data):
        self._ends[1].sendto(data, (self.field.victim.address(self.family), 5060))
        self._ends[0].settimeout(2)
        return self._ends[0].recv(65535)

    def stream(self, data):
        """The same at the beginning of a connection."""
        with self.exchange("tcp") as (say, _, _):
            return say(data)

    @contextlib.contextmanager
    def exchange(self, transport):
        """(say, answer, port that says it): each sends and returns what arrived, in datagrams or in one connection."""
        if transport == "udp":
            yield self.datagram, self.back, 5060
            return
        here = dial(self.field.victim, self._listener.address)
        there, _ = self._listener.accept()
        with here, there:
            source = here.getsockname()[1]
            yield lambda data: self._carry(here, there, data), lambda data: self._carry(there, here, data), source

    @staticmethod
    def _carry(sender, receiver, data):
        sender.sendall(data)
        receiver.settimeout(2)
        arrived = b""
        while len(arrived) < len(data):
            part = receiver.recv(65535)
            assert part, "the connection ended"
            arrived += part
        time.sleep(0.02)
        return arrived

    def outcome(self):
        """Since Field.remember()."""
        grown = self.field.grown
        if grown(counted("messages_total")):
            return YES
        if grown(counted("messages_not_understood_total")):
            return NO
        if grown(counted("not_sip_datagrams_total")) or self.field.said():
            return NOT_SIP
        return None


def answer_to(data):
    """What a peer would say to it, with media for whoever believes that."""
    def field(name, short):
        found = re.search(rb"(?im)^(?:%s|%s)[ \t]*:[ \t]*(.*?)\r?$" % (name, short), data)
        return found[1] if found else b"none"

    body = b"v=0\r\no=- 1 1 IN IP4 203.0.113.66\r\ns=-\r\nc=IN IP4 203.0.113.66\r\nt=0 0\r\nm=audio 50000 RTP/AVP 0\r\n"
    lines = [b"SIP/2.0 200 OK", b"Via: " + field(b"Via", b"v"), b"From: " + field(b"From", b"f")]
    lines += [b"To: " + field(b"To", b"t") + b";tag=x", b"Call-ID: " + field(b"Call-ID", b"i")]
    lines += [b"CSeq: " + field(b"CSeq", b"CSeq"), b"Content-Type: application/sdp", b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_rfc_4475(make_scene, transport):
    need(RFC4475, "RFC 4475")
    post = Post(make_scene())
    wrong = []
    assert {path.stem for path in RFC4475.glob("*.dat")} == set(MESSAGES), "the whole of section 3, and nothing else"
    for name, (_, in_datagram, in_stream) in MESSAGES.items():
        data = (RFC4475 / f"{name}.dat").read_bytes()
        post.field.remember()
        arrived = post.datagram(data) if transport == "udp" else post.stream(data)
        expected = in_datagram if transport == "udp" else in_stream
        outcome = post.outcome()
        if arrived != data:
            wrong.append(f"{name} arrived changed")
        if outcome != expected:
            wrong.append(f"{name} is {outcome}, expected {expected}")
        if transport == "udp":
            post.back(answer_to(data))
        if holes := openings(post.scene.lab.gateway):
            wrong.append(f"{name} opens {holes}")
    assert not wrong, wrong


def test_what_rfc_4475_calls_valid_is_understood():
    """The one thing that is not for the table above to decide."""
    valid = {name: made_of_it for name, (kind, *made_of_it) in MESSAGES.items() if kind == "valid"}
    assert len(valid) == 13 and all(made_of_it == [YES, YES] for made_of_it in valid.values())


def ipv6_outcomes():
    """{name: (is it understood, what is open after its answer)}, as tests/data/ipv6 writes them down."""
    lines = [line for line in (IPV6 / "outcomes").read_text().splitlines() if not line.startswith("#")]
    rows = (line.split(" | ") for line in lines)
    return {name: (outcome, what) for name, outcome, what in rows}


def ipv6_openings(field, what, transport, source):
    """"media 40000 40001" as openings() has it. Who registers over TCP is called back over TCP."""
    if what == "nothing":
        return set()
    kind, *ports = what.split()
    proto = "udp" if kind == "media" else transport
    return {(field.attacker.ip6, field.victim.ip6, proto, source if port == "source" else int(port)) for port in ports}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_rfc_5118(make_scene, transport):
    post = Post(make_scene(family=6), 6)
    wrong, expected_open = [], set()
    for name, (expected, what) in ipv6_outcomes().items():
        request, answer = [(IPV6 / f"{name}{kind}.sip").read_bytes() for kind in ("", ".answer")]
        post.field.remember()
        with post.exchange(transport) as (say, reply, source):
            if say(request) != request:
                wrong.append(f"{name} arrived changed")
            if (outcome := post.outcome()) != expected:
                wrong.append(f"{name} is {outcome}, expected {expected}")
            if surplus := openings(post.scene.lab.gateway) - expected_open:
                wrong.append(f"{name} opens {surplus} before it is answered")
            if reply(answer) != answer:
                wrong.append(f"the answer to {name} arrived changed")
        expected_open |= ipv6_openings(post.field, what, transport, source)
        if (now := openings(post.scene.lab.gateway)) != expected_open:
            wrong.append(f"{name}: surplus {now - expected_open}, missing {expected_open - now}")
            expected_open = now
    assert not wrong, wrong


FOLDERS = ["torture/sofia-sip", "torture/kamailio", "torture/sipping", "torture/jain-sip", "malformed",
           "microsoft/ms-sip-spec", "microsoft/windows-rtc-1.0-kamailio"]


def oddities():
    """{(file in the corpus, number of its datagram): is it understood}, as tests/data/oddities writes it down."""
    rows = {}
    for line in ODDITIES.read_text().splitlines():
        if not line.startswith("#"):
            name, number, outcome = line.split(" | ")
            rows[name, int(number)] = outcome
    return rows


def datagrams_of(path):
    """What a file of the corpus would have us send: its line ends as on the wire, or each datagram of a capture."""
    if path.suffix == ".pcap":
        return [data for data in capture_reader.read_payloads(path, 5060) if data.strip()]
    return [re.sub(rb"\r?\n", b"\r\n", path.read_bytes())]


def odd_files(folder):
    return sorted(path for path in (CORPUS / folder).rglob("*") if path.is_file())


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_oddities_of_others(make_scene, folder):
    """Each arrives as it is, opens nothing, and is understood or not as it is written down."""
    need(CORPUS / folder, folder)
    post = Post(make_scene())
    expected = {key: outcome for key, outcome in oddities().items() if key[0].startswith(folder + "/")}
    found = {}
    for path in odd_files(folder):
        for number, data in enumerate(datagrams_of(path), 1):
            if not data.strip() or len(data) > LARGEST_DATAGRAM:
                continue
            post.field.remember()
            assert post.datagram(data) == data, path
            found[str(path.relative_to(CORPUS)), number] = post.outcome()
    assert found == expected
    assert found and openings(post.scene.lab.gateway) == set()


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_oddities_of_others_in_pieces(make_scene, folder):
    """As they are stored, and cut short."""
    need(CORPUS / folder, folder)
    post = Post(make_scene())
    for path in odd_files(folder):
        for on_the_wire in datagrams_of(path):
            pieces = {on_the_wire[: len(on_the_wire) // 2], on_the_wire[:-1]}
            if path.suffix != ".pcap":
                pieces.add(path.read_bytes())
            for data in pieces:
                if data.strip() and len(data) <= LARGEST_DATAGRAM:
                    assert post.datagram(data) == data, path
    assert openings(post.scene.lab.gateway) == set()
    assert post.scene.daemon.alive()
