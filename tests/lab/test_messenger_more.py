# SPDX-License-Identifier: GPL-2.0-or-later
"""What Messenger's users meet beside the usual: newer clients, compression, sessions that nobody knows, a server of another
make."""

import os
import re

import pytest

from lab import sdpview
from lab.ctl import Ctl
from lab.kamailio import Kamailio
from lab.messenger import bodies, t120, transfer
from lab.messenger.office import FileTransfer, Office, Stream, share, talk
from lab.messenger.session import establish, hang_up
from lab.namespaces import wait_until
from lab.pinholes import pinholes
from lab.tcp import Listener

UNKNOWN = """\
m=x-ms-ra 6000 tcp null
m=whiteboard 6002 tcp/wb x
m=applicationsharing 6004 TCP/RTP/AVP 127
m=data 6006 RTP/AVP 127
"""
REMOTE_ASSISTANCE = "{56b994a7-380f-410b-9985-c809d78c1bdc}"
NETMEETING = "{44BBA842-CC51-11CF-AAFA-00AA00B6015C}"
GAME = "{00000000-0000-0000-0000-000000000001}"


def candidates(part):
    """{component: (address, port)} of the UDP host candidates in a part, whatever its dialect."""
    found = {}
    for line in re.findall(r"^a=candidate:(.*?)\s*$", part, re.M):
        tokens = line.split()
        if tokens[2] == "UDP":
            found[int(tokens[1])] = (tokens[4], int(tokens[5]))
        elif tokens[3] == "UDP":
            found[int(tokens[1])] = (tokens[5], int(tokens[6]))
    return found


def parts(body):
    return [part for part in body.split("--bnd1") if "m=audio" in part]


def test_two_dialects_of_ice(make_office):
    """Communicator 2007 offers both, with ports of their own; every host candidate of the inside client is open."""
    office = make_office()
    alice, bob = office.sign_in("alice", "bob")
    kind, offer = bodies.two_dialects(alice.address)
    _, agreed = bodies.two_dialects(bob.address, 55010, 55020)
    for port in (50010, 50011, 50020, 50021):
        closed = Stream(office, alice.host, port, (office.outside_of(alice.host), port), bob.host, 40000)
        closed.assert_blocked()
        closed.close()
    out, back, invite, _ = establish(alice, bob, offer, agreed, kind, kind)
    assert invite.get("Content-Type") == kind
    if not office.scene.nat:
        assert invite.body == offer
    open_now = []
    for number, part in enumerate(parts(invite.body)):
        seen = candidates(part)
        assert seen[1] == (sdpview.address(part), sdpview.ports(part)[0]), "the default is a candidate, or ICE is given up"
        ours, theirs = (50010, 50020)[number], (55010, 55020)[number]
        for component in (1, 2):
            assert seen[component][0] == office.outside_of(alice.host)
            stream = Stream(office, alice.host, ours + component - 1, seen[component], bob.host, theirs + component - 1)
            stream.assert_passes()
            open_now.append(stream)
    assert "TCP-ACT" in invite.body and f"raddr {alice.address} rport 50020" in invite.body
    assert {hole.port for hole in pinholes(office.lab.gateway)} == {50010, 50011, 50020, 50021}
    hang_up(out, back)
    for stream in open_now:
        stream.assert_blocked()


@pytest.mark.parametrize("policy", ["opaque", "pass"])
def test_a_compressed_connection(make_office, policy):
    """Both ends agree to compress: nobody reads on, and not a byte is changed."""
    office = make_office({"policy.compression": policy})
    alice = office.client("alice")
    alice.connect(office.server.address)
    answer = alice.negotiate()
    assert (answer.status, answer.get("Compression")) == (200, "LZ77-8K")
    (theirs,) = office.server.connections()
    for sender, receiver in ((alice.wire, theirs), (theirs, alice.wire)):
        start = len(receiver.received)
        # What looks like a message is none.
        data = os.urandom(3000) + b"REGISTER sip:example.com SIP/2.0\r\nContent-Length: 0\r\n\r\n" + os.urandom(3000)
        sender.send(data)
        if receiver is alice.wire:
            while len(receiver.received) < start + len(data):
                receiver.read()
        wait_until(lambda: len(receiver.received) >= start + len(data), 4, "compressed bytes")
        assert receiver.received[start:] == data
    assert "passes uninspected and opens nothing" in office.scene.daemon.log
    assert Ctl(office.scene).json("status")["registrations"] == 0


def test_compression_that_the_server_does_not_know(make_office):
    office = make_office(compression=())
    alice = office.client("alice")
    alice.connect(office.server.address)
    assert alice.negotiate().status == 488
    alice.sign_in(office.server.address)
    assert Ctl(office.scene).json("status")["registrations"] == 1


def test_sessions_that_nobody_knows(make_office):
    """They pass, open nothing, are counted by kind, and explain names them."""
    office = make_office()
    ctl = Ctl(office.scene)
    alice, bob = office.sign_in("alice", "bob")
    unknown = UNKNOWN.replace("\n", "\r\n")
    offer, agreed = bodies.instant_messages(alice.address) + unknown, bodies.instant_messages(bob.address) + unknown
    out, back, invite, _ = establish(alice, bob, offer, agreed)
    assert invite.body.endswith(unknown)
    for cookie, (name, guid) in enumerate((("Remote Assistance", REMOTE_ASSISTANCE), ("NetMeeting", NETMEETING), ("Game", GAME))):
        sent = bodies.other_invitation(cookie, name, guid, alice.address)
        out.invitation(sent)
        got = back.hear().body
        assert got == sent.replace(alice.address, office.outside_of(alice.host))
        out.sent()
        # And the answer, with an address that leads somewhere: it opens nothing all the same.
        back.invitation(bodies.file_accept(cookie))
        out.hear()
        back.sent()
        out.invitation(bodies.file_accept(cookie, None, (alice.address, transfer.FIRST_PORT), 1))
        back.hear()
        out.sent()
    assert not [hole for hole in pinholes(office.lab.gateway) if hole.proto == "tcp"]
    told = ctl.run("explain", out.call_id)
    counted = ctl.run("metrics")
    for kind in ("remote_assistance", "unknown_media", "netmeeting", "other_invitation", "instant_messages"):
        (count,) = re.findall(rf'^messenger_alg_sessions_total{{kind="{kind}"}} (\d+)', counted, re.M)
        assert int(count) == 1, kind
    for said in ("(x-ms-ra)", "(whiteboard)", f"({NETMEETING})", f"({GAME})"):
        assert said in told, told
    hang_up(out, back)
    assert not pinholes(office.lab.gateway)


@pytest.mark.parametrize("nat", [False, True], ids=["routed", "nat"])
def test_through_kamailio(make_scene, nat):
    """The same features through a registrar and proxy of another make, which signs nothing."""
    scene = make_scene(transport="tcp", nat=nat)
    office = Office(scene, scene.keep(Kamailio(scene.lab)).address)
    alice, bob = office.sign_in("alice", "bob")
    seen_as = office.outside_of(alice.host)
    out, back, _, _ = talk(alice, bob)
    out.say("a word")
    assert back.hear().body == "a word"
    out.sent()
    file = FileTransfer(out, back)
    file.offer()
    file.accept()
    file.carry(scene.keep(Listener(alice.host, transfer.FIRST_PORT)))
    hang_up(out, back)
    out, back, _, _ = establish(bob, alice, bodies.sharing(bob.address), bodies.sharing(alice.address))
    share(bob.host, scene.keep(Listener(alice.host, t120.PORT)), (seen_as, t120.PORT))
    hang_up(back, out)
    out, back, invite, _ = establish(alice, bob, bodies.audio_offer(alice.address), bodies.audio_answer(bob.address))
    audio = Stream(office, alice.host, 5350, (seen_as, sdpview.ports(invite.body)[0]), bob.host, 56000)
    audio.assert_passes()
    hang_up(out, back)
    audio.assert_blocked()
