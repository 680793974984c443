# SPDX-License-Identifier: GPL-2.0-or-later
"""NEGOTIATE: what becomes of a connection that its ends want to compress."""

import socket
import time

import pytest

from lab import ctl
from lab.namespaces import wait_until

OFFER = (
    b"NEGOTIATE sip:198.51.100.20:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/TCP 10.1.2.10:7100\r\n"
    b"From: <sip:alice@example.com>;tag=5c1d;epid=01ab23cd45\r\n"
    b"To: <sip:alice@example.com>\r\n"
    b"Call-ID: 0f3c9a77d2\r\n"
    b"CSeq: 1 NEGOTIATE\r\n"
    b"Compression: LZ77-64K\r\n"
    b"Content-Length: 0\r\n\r\n"
)
DECLINED = OFFER.replace(b"LZ77-64K", b"xxxxxxxx")
VIA = OFFER[OFFER.index(b"Via") : OFFER.index(b"To: ")]
ANSWER_HEAD = VIA + b"To: <sip:alice@example.com>;tag=1\r\nCall-ID: 0f3c9a77d2\r\nCSeq: 1 NEGOTIATE\r\n"
NO = b"SIP/2.0 488 Not Acceptable Here\r\n" + ANSWER_HEAD + b"Content-Length: 0\r\n\r\n"
YES = b"SIP/2.0 200 OK\r\n" + ANSWER_HEAD + b"Compression: LZ77-64K\r\nContent-Length: 0\r\n\r\n"
# Signed over segment bounds and all: nothing of it may change.
REGISTER = (
    b"REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP 10.1.2.10:7100\r\nFrom: <sip:alice@example.com>;tag=5c1d\r\n"
    b"To: <sip:alice@example.com>\r\nCall-ID: 0f3c9a77d3\r\nCSeq: 2 REGISTER\r\n"
    b"Proxy-Authorization: NTLM gssapi-data=\"" + 2000 * b"T" + b"\"\r\nContent-Length: 0\r\n\r\n"
)


def connect(scene):
    """A TCP connection from inside to the server: both its sockets."""
    family = socket.AF_INET if scene.family == 4 else socket.AF_INET6
    server = scene.keep(scene.lab.server.socket(family, socket.SOCK_STREAM))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((scene.lab.server.address(scene.family), 5060))
    server.listen()
    client = scene.keep(scene.lab.inside.socket(family, socket.SOCK_STREAM))
    client.settimeout(5)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.connect((scene.lab.server.address(scene.family), 5060))
    accepted = scene.keep(server.accept()[0])
    accepted.settimeout(5)
    return client, accepted


def receive(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        assert more, f"the connection ended after {data!r}"
        data += more
    return data


@pytest.mark.parametrize("nat, family", [(False, 4), (False, 6), (True, 4)], ids=["routed", "ipv6", "nat"])
def test_what_a_client_offers_the_server_never_learns(make_scene, nat, family):
    scene = make_scene(nat=nat, family=family, config={"policy.compression": "decline"})
    client, server = connect(scene)
    client.sendall(OFFER)
    assert receive(server, len(OFFER)) == DECLINED
    server.sendall(NO)
    assert receive(client, len(NO)) == NO
    client.sendall(REGISTER[:700])
    time.sleep(0.05)
    client.sendall(REGISTER[700:])
    assert receive(server, len(REGISTER)) == REGISTER
    assert "goes on unknown" in scene.daemon.log
    assert ctl.Ctl(scene).json("status")["counters"]["messages"] == 3, "what follows is read"


def test_a_lost_offer_comes_again_as_it_went(make_scene):
    """The server's host drops the first copies; those that its kernel asks for again must be the same bytes."""
    scene = make_scene(config={"policy.compression": "decline"})
    tap = scene.tap(scene.lab.server)
    client, server = connect(scene)
    scene.lab.server.run(
        "nft", "-f", "-",
        stdin="table inet lossy { chain in { type filter hook input priority 0; tcp dport 5060 counter drop; }; }",
    )
    client.sendall(OFFER[:100])
    client.sendall(OFFER[100:])
    arrived = lambda: [one.payload for one in tap.packets() if one.dport == 5060 and not one.sent and one.payload]
    wait_until(lambda: len(arrived()) >= 3, 5, "retransmissions")
    scene.lab.server.run("nft", "delete", "table", "inet", "lossy")
    assert receive(server, len(OFFER)) == DECLINED
    assert all(payload in DECLINED for payload in arrived()), arrived()


@pytest.mark.parametrize("what", ["opaque", "pass"])
def test_both_ends_may_where_the_policy_lets_them(make_scene, what):
    scene = make_scene(config={"policy.compression": what})
    client, server = connect(scene)
    client.sendall(OFFER)
    assert receive(server, len(OFFER)) == OFFER
    server.sendall(YES)
    assert receive(client, len(YES)) == YES
    compressed = bytes(range(256))
    client.sendall(compressed)
    assert receive(server, len(compressed)) == compressed
    server.sendall(compressed[::-1])
    assert receive(client, len(compressed)) == compressed[::-1]
    wait_until(lambda: ("agreed to compress" if what == "opaque" else "no SIP start line") in scene.daemon.log, 2, "the log")


def test_a_server_that_agrees_all_the_same_is_not_read(make_scene):
    scene = make_scene(config={"policy.compression": "decline"})
    client, server = connect(scene)
    client.sendall(OFFER)
    assert receive(server, len(OFFER)) == DECLINED
    server.sendall(YES)
    assert receive(client, len(YES)) == YES
    client.sendall(b"\x00\x01compressed")
    assert receive(server, 12) == b"\x00\x01compressed"
    wait_until(lambda: "agreed to compress" in scene.daemon.log, 2, "the log")
