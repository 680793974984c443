# SPDX-License-Identifier: GPL-2.0-or-later
"""Two users behind the same gateway, signed in at a server outside: every feature works, and what the two clients say to each
other does not pass the gateway, NAT or not."""

import pytest

from lab import sdpview
from lab.media import Flow, Port
from lab.messenger import bodies, t120, transfer
from lab.messenger.office import FileTransfer, share, talk
from lab.messenger.session import establish, hang_up
from lab.tap import Tap
from lab.tcp import Listener


class Neighbours:
    """alice and carol, both inside."""

    def __init__(self, office):
        self.office = office
        self.alice, self.carol = office.sign_in("alice", "carol")
        self._tap = office.scene.keep(Tap(office.lab.gateway, "inside"))

    def assert_direct(self):
        """Whatever they have said beside SIP: the gateway's wire has not seen it."""
        both = {self.alice.address, self.carol.address}
        seen = self._tap.packets(lambda p: both & {p.src, p.dst} and 5060 not in (p.sport, p.dport))
        assert not seen, f"passed the gateway: {seen[:3]}"


def test_instant_messages(make_office):
    here = Neighbours(make_office())
    out, back, _, _ = talk(here.alice, here.carol)
    for session, other in ((out, back), (back, out)):
        session.say("a word")
        assert other.hear().body == "a word"
        session.sent()
    hang_up(out, back)


@pytest.mark.parametrize("caller", ["alice", "carol"])
def test_sharing(make_office, caller):
    here = Neighbours(make_office())
    first, second = (here.alice, here.carol) if caller == "alice" else (here.carol, here.alice)
    out, back, invite, answer = establish(first, second, bodies.sharing(first.address), bodies.sharing(second.address))
    for body, client in ((invite.body, first), (answer.body, second)):
        assert f"c=IN IP4 {client.address}\r\n" in body and "m=application 1503 tcp msdata\r\n" in body
    listener = here.office.scene.keep(Listener(second.host, t120.PORT))
    where = (sdpview.address(answer.body), sdpview.ports(answer.body)[0])
    assert share(first.host, listener, where)[0] == first.address
    hang_up(out, back)
    here.assert_direct()


@pytest.mark.parametrize("listener", ["sender", "receiver"])
def test_a_file(make_office, listener):
    here = Neighbours(make_office())
    out, back, _, _ = talk(here.alice, here.carol)
    file = FileTransfer(out, back, sender_listens=listener == "sender")
    listens, dials = (here.alice, here.carol) if file.sender_listens else (here.carol, here.alice)
    held = here.office.scene.keep(Listener(listens.host, transfer.FIRST_PORT))
    file.offer()
    file.accept()
    assert file.announced == (listens.address, transfer.FIRST_PORT)
    assert file.carry(held)[0] == dials.address
    hang_up(out, back)
    here.assert_direct()


def test_audio_and_video(make_office):
    here = Neighbours(make_office())
    alice, carol = here.alice, here.carol
    offer, agreed = bodies.audio_offer(alice.address), bodies.audio_answer(carol.address)
    out, back, invite, answer = establish(alice, carol, offer, agreed)
    assert (invite.body, answer.body) == (offer, agreed), "each hears of the other as it is"
    taps = {client: here.office.scene.tap(client.host) for client in (alice, carol)}
    for ours, theirs in zip((5350, 5351, 5352, 5353), (56000, 56001, 33700, 33709)):
        ends = [(alice, Port(alice.host, alice.address, ours)), (carol, Port(carol.host, carol.address, theirs))]
        for (_, source), (receiver, sink) in (ends, ends[::-1]):
            Flow(source, sink.address).send(5, 0.002)
            assert len(taps[receiver].arrived(source.address, sink.address)) == 5
        for _, port in ends:
            port.close()
    hang_up(out, back)
    here.assert_direct()
