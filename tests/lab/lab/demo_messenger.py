# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that Messenger and Communicator 2005 do, one after the other, at both kinds of gateway: blocked before, working
through the daemon, closed after. Nothing is told that was not tried."""

import contextlib

from lab import sdpview, tcp
from lab.ctl import Ctl
from lab.messenger import bodies, t120, tls, transfer
from lab.messenger.office import FileTransfer, Office, Stream, share, talk
from lab.messenger.session import establish, hang_up
from lab.pinholes import pinholes
from lab.story import Story, act, run
from lab.tap import Tap
from lab.tcp import Listener
from lab.topology import GATEWAY_OUTSIDE

PICTURE = """\
   inside                         gateway                           outside
   10.1.2.10 alice -------------- messenger-algd --------+--------- 203.0.113.30  bob
   10.1.2.11 carol                and a firewall that    +--------- 203.0.113.66  a third host
                                  drops by default       +--------- 198.51.100.20 their server (LCS)
"""
GAME = "{00000000-0000-0000-0000-000000000001}"


class Row:
    """One row of KB 903056, as the office lives through it."""

    def __init__(self, story, office):
        self.story = story
        self.office = office
        self.lab = office.lab
        self.scene = office.scene
        self.outside = office.outside_of(office.lab.inside)

    def works(self, text):
        self.story.finding(text, True)  # what did not work has raised

    def tcp_is_blocked(self, host, port, when):
        text = f"{when}: TCP {host.ip4} -> {self.outside}:{port} gets no answer"
        self.story.finding(text, tcp.is_blocked(host, (self.outside, port)))

    def closed(self):
        count = len(pinholes(self.lab.gateway))
        self.story.finding(f"after:  {count} pinholes are left in the kernel", count == 0)


def sign_in(row):
    row.story.step("IM and presence: SIP over TCP 5060, every message signed")
    office = row.office
    alice = office.client("alice", port=7102)
    row.tcp_is_blocked(row.lab.server, 7102, "before")
    alice.sign_in(office.server.address, "Kerberos", cuts=(40, 500))
    row.works(f"during: REGISTER of {len(alice.wire.sent)} bytes in pieces; the server found its signature right")
    for number in range(20):
        office.server.tell("alice", "<presence/>", number + 1)
    for _ in range(20):
        alice.receive("BENOTIFY")
    theirs = office.server.wire_of("alice")
    same = alice.wire.sent == theirs.received and alice.wire.received == theirs.sent
    row.story.finding("during: 20 BENOTIFY came; not one byte of the connection is other than it was sent", same)
    with contextlib.closing(tcp.dial(row.lab.server, (row.outside, 7102))):
        row.works(f"during: the server may call back to {row.outside}:7102, the port of the Contact")
    row.tcp_is_blocked(row.lab.third, 7102, "during")
    (bob,) = office.sign_in("bob")
    out, back, _, _ = talk(alice, bob)
    alice.burst([out.build("MESSAGE", f"word {number}", "text/plain; charset=UTF-8") for number in range(30)])
    row.story.finding("during: 30 messages in one burst arrived in order", [back.hear().body for _ in range(30)][29] == "word 29")
    hang_up(back, out)
    alice.sign_off()
    row.tcp_is_blocked(row.lab.server, 7102, "after ")
    alice.close()
    bob.close()


def sharing(row, alice, bob):
    row.story.step("Whiteboard, application sharing: T.120 over TCP 1503")
    listener = row.scene.keep(Listener(alice.host, t120.PORT))
    row.tcp_is_blocked(bob.host, t120.PORT, "before")
    out, back, _, _ = establish(bob, alice, bodies.sharing(bob.address), bodies.sharing(alice.address))
    share(bob.host, listener, (row.outside, t120.PORT))
    row.works("during: bob has invited, and draws with alice: X.224, MCS, 80 pages, none of them changed")
    row.tcp_is_blocked(row.lab.third, t120.PORT, "during")
    hang_up(out, back)
    row.tcp_is_blocked(bob.host, t120.PORT, "after ")
    theirs = row.scene.keep(Listener(bob.host, t120.PORT))
    out, back, _, _ = establish(alice, bob, bodies.sharing(alice.address), bodies.sharing(bob.address))
    share(alice.host, theirs, (bob.address, t120.PORT))
    row.works("and the other way: alice has invited, and connects to bob")
    hang_up(out, back)
    row.closed()
    listener.close()
    theirs.close()


def files(row, alice, bob):
    row.story.step("File transfer: TCP 6891-6900")
    listener = row.scene.keep(Listener(alice.host, transfer.FIRST_PORT))
    alices, bobs, _, _ = talk(alice, bob)
    for sender, receiver, sender_listens, text in (
        (alices, bobs, True, "alice sends; bob connects to her"),
        (bobs, alices, False, "bob sends and cannot listen; he connects to alice (Sender-Connect)"),
    ):
        row.tcp_is_blocked(bob.host, transfer.FIRST_PORT, "before")
        file = FileTransfer(sender, receiver, sender_listens=sender_listens)
        file.offer()
        file.accept()
        row.tcp_is_blocked(row.lab.third, transfer.FIRST_PORT, "during")
        file.carry(listener)
        row.works(f"during: {text}: {len(file.data)} bytes, SHA-256 the same")
        row.tcp_is_blocked(bob.host, transfer.FIRST_PORT, "after ")
    file = FileTransfer(alices, bobs)
    file.offer()
    file.accept()
    file.cancel(bobs)
    row.tcp_is_blocked(bob.host, transfer.FIRST_PORT, "after CANCEL")
    hang_up(alices, bobs)
    row.closed()
    listener.close()


def audio_and_video(row, alice, bob):
    row.story.step("Audio and video in one call: RTP, and RTCP where a=rtcp says")
    ours, theirs = (5350, 5351, 5352, 5361), (56000, 56001, 33700, 33709)

    def streams(seen):
        return [Stream(row.office, alice.host, *ends) for ends in
                zip(ours, [(row.outside, port) for port in seen], [bob.host] * 4, theirs)]

    before = streams(ours)
    row.story.finding("before: UDP to all four ports is dropped", not any(stream.came_in() for stream in before))
    for stream in before:
        stream.close()
    offer, answer = bodies.audio_offer(alice.address, video_rtcp=5361), bodies.audio_answer(bob.address)
    out, back, invite, _ = establish(alice, bob, offer, answer)
    media = streams([port for pair in sdpview.streams(invite.body) for port in pair])
    counts = [(stream.came_in(), stream.went_out()) for stream in media]
    text = ", ".join(f"{port}: {came}/{went}" for port, (came, went) in zip(ours, counts))
    row.story.finding(f"during: packets in/out of {Stream.PACKETS} each at {text}", set(counts) == {(Stream.PACKETS,) * 2})
    hang_up(out, back)
    row.story.finding("after:  all four are dropped again", not any(stream.came_in() for stream in media))
    row.closed()
    for stream in media:
        stream.close()


def same_side(row, alice):
    row.story.step("Users on the same side of the firewall, through the outside server")
    (carol,) = row.office.sign_in("carol")
    tap = row.scene.keep(Tap(row.lab.gateway, "inside"))
    out, back, _, _ = talk(alice, carol)
    file = FileTransfer(out, back)
    file.offer()
    file.accept()
    row.story.finding(f"carol is told alice's own address: {file.announced[0]}", file.announced[0] == alice.address)
    listener = row.scene.keep(Listener(alice.host, transfer.FIRST_PORT))
    file.carry(listener)
    listener.close()
    hang_up(out, back)
    out, back, invite, _ = establish(carol, alice, bodies.sharing(carol.address), bodies.sharing(alice.address))
    listener = row.scene.keep(Listener(alice.host, t120.PORT))
    share(carol.host, listener, (alice.address, t120.PORT))
    listener.close()
    hang_up(out, back)
    beside = tap.packets(lambda p: carol.address in (p.src, p.dst) and 5060 not in (p.sport, p.dport))
    row.story.finding(f"a file and a whiteboard between them; packets of it that passed the gateway: {len(beside)}", not beside)


def newer_and_unknown(row, alice, bob):
    row.story.step("Newer clients: multipart/alternative, both dialects of ICE")
    kind, offer = bodies.two_dialects(alice.address)
    _, answer = bodies.two_dialects(bob.address, 55010, 55020)
    out, back, _, _ = establish(alice, bob, offer, answer, kind, kind)
    ports = sorted({hole.port for hole in pinholes(row.lab.gateway)})
    row.story.finding(f"during: open for bob's candidates: {ports}", ports == [50010, 50011, 50020, 50021])
    hang_up(out, back)
    row.closed()

    row.story.step("An invitation to something that nobody knows")
    out, back, _, _ = talk(alice, bob)
    out.invitation(bodies.other_invitation(7, "Game", GAME, alice.address))
    row.story.finding("it arrives", GAME in back.hear().body)
    out.sent()
    row.closed()
    told = " ".join(Ctl(row.scene).run("explain", out.call_id).split()).partition(f"({GAME}); ")
    said = told[2].startswith("it passes and opens nothing")
    row.story.finding(f"messenger-algctl explain: an unknown invitation, {told[2][:27]}", said)
    hang_up(out, back)


def unreadable(row):
    row.story.step("What cannot be read: compression, and TLS on 5061")
    alice = row.office.client("alice", port=7200)
    alice.connect(row.office.server.address)
    agreed = alice.negotiate().status == 200
    given_up = "passes uninspected and opens nothing" in row.scene.daemon.log
    row.story.finding("both ends agree to compress (NEGOTIATE): the connection passes, and the log says so", agreed and given_up)
    secret = [row.office.client(user, tls=row.office.client_tls, port=port) for user, port in (("alice", 7201), ("bob", 7202))]
    address = row.office.server.address[0]
    for client in secret:
        client.sign_in((address, 5061))
    out, back, _, _ = establish(*secret, bodies.sharing(secret[0].address), bodies.sharing(secret[1].address))
    row.works("over TLS alice calls bob; nobody can read what they agree on, so nothing is opened")
    row.tcp_is_blocked(secret[1].host, t120.PORT, "during")
    hang_up(out, back)


def tell(story, scene):
    server_tls, client_tls = tls.contexts(scene.lab.directory)
    office = Office(scene, tls=server_tls)
    office.client_tls = client_tls
    row = Row(story, office)
    sign_in(row)
    alice, bob = office.sign_in("alice", "bob")
    sharing(row, alice, bob)
    files(row, alice, bob)
    audio_and_video(row, alice, bob)
    same_side(row, alice)
    newer_and_unknown(row, alice, bob)
    unreadable(row)
    story.step("The operator's firewall is as it was, and the server has no complaint")
    office.check()
    row.works("no signature was broken by the gateway")
    scene.firewall.assert_untouched()
    row.works("nft list table inet filter: same as before")


def main():
    print("messenger-alg: what Windows Messenger and Communicator 2005 do, through a firewall that drops by default\n")
    print(PICTURE, end="")
    story = Story()
    for title, nat in (("A routing gateway", False), (f"A masquerading gateway: the world sees {GATEWAY_OUTSIDE[0]} alone", True)):
        print(f"\n=== {title} ===")
        act(story, tell, nat=nat, transport="tcp")
    return story.end()


if __name__ == "__main__":
    run(main)
