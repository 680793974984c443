# SPDX-License-Identifier: GPL-2.0-or-later
"""Messenger's file transfer: agreed on in invitations, over TCP 6891-6900, with real files that are compared."""

import base64
import threading

import pytest

from lab import tcp
from lab.messenger import bodies, transfer
from lab.messenger.office import FileTransfer, talk, together
from lab.messenger.session import establish, hang_up
from lab.pinholes import pinholes
from lab.tcp import Listener

FIRST = transfer.FIRST_PORT


class Desk:
    """alice inside with a listener at the first port, bob outside with another; they talk."""

    def __init__(self, office):
        self.office = office
        self.alice, self.bob = office.sign_in("alice", "bob")
        self.listeners = {client: office.scene.keep(Listener(client.host, FIRST)) for client in (self.alice, self.bob)}
        self.inside = (office.outside_of(self.alice.host), FIRST)
        self.assert_closed("open before anybody has talked")
        self.alices, self.bobs, _, _ = talk(self.alice, self.bob)

    def assert_closed(self, why):
        assert tcp.is_blocked(self.bob.host, self.inside), why

    def end(self):
        hang_up(self.alices, self.bobs)
        assert not pinholes(self.office.lab.gateway)


# Who sends, who listens, and so who connects.
@pytest.mark.parametrize("sender", ["inside", "outside"])
@pytest.mark.parametrize("listener", ["sender", "receiver"])
def test_a_file(make_office, sender, listener):
    desk = Desk(make_office())
    ends = (desk.alices, desk.bobs) if sender == "inside" else (desk.bobs, desk.alices)
    file = FileTransfer(*ends, sender_listens=listener == "sender")
    file.offer()
    desk.assert_closed("open before the transfer is agreed on")
    file.accept()
    listens = (file.sender if file.sender_listens else file.receiver).client
    if listens is desk.alice:
        assert file.announced == desk.inside
        assert tcp.is_blocked(desk.office.lab.third, desk.inside), "a third host gets in"
        (hole,) = pinholes(desk.office.lab.gateway)
        assert (hole.remote, hole.inside, hole.port) == (desk.bob.address, desk.alice.address, FIRST)
    dials = desk.office.outside_of((desk.bob if listens is desk.alice else desk.alice).host)
    assert file.carry(desk.listeners[listens])[0] == dials
    desk.assert_closed("open for a second connection")
    desk.end()


def test_the_port_takes_one_connection_while_it_lasts(make_office):
    desk = Desk(make_office())
    file = FileTransfer(desk.alices, desk.bobs)
    file.offer()
    file.accept()
    connection = tcp.dial(desk.bob.host, desk.inside)
    first, _ = desk.listeners[desk.alice].accept()
    desk.assert_closed("a second connection beside the first")
    connection.sendall(b"VER")
    assert tcp.read_exactly(first, 3) == b"VER", "and the first goes on"
    connection.close()
    first.close()
    desk.end()


def test_one_file_after_the_other(make_office):
    """In one session, from the same port each time; then two at once, from two ports."""
    desk = Desk(make_office())
    for sender, receiver, sender_listens in ((desk.alices, desk.bobs, True), (desk.bobs, desk.alices, False)) * 2:
        file = FileTransfer(sender, receiver, size=9000, sender_listens=sender_listens)
        file.offer()
        file.accept()
        file.carry(desk.listeners[desk.alice])
    other = desk.office.scene.keep(Listener(desk.alice.host, FIRST + 1))
    two = [FileTransfer(desk.alices, desk.bobs, size=9000) for _ in range(2)]
    for file, port in zip(two, (FIRST, FIRST + 1)):
        file.offer()
        file.accept(port)
    two[1].carry(other)
    two[0].carry(desk.listeners[desk.alice])
    cancelled = FileTransfer(desk.alices, desk.bobs)
    cancelled.offer()
    cancelled.accept()
    cancelled.cancel(desk.bobs)
    desk.assert_closed("open after CANCEL, by what an earlier transfer had")
    desk.end()


@pytest.mark.parametrize("speaker", ["sender", "receiver"])
def test_cancel_closes_the_port(make_office, speaker):
    desk = Desk(make_office())
    file = FileTransfer(desk.alices, desk.bobs)
    file.offer()
    file.accept()
    assert len(pinholes(desk.office.lab.gateway)) == 1
    file.cancel(desk.alices if speaker == "sender" else desk.bobs, "OUTBANDCANCEL" if speaker == "sender" else "FTTIMEOUT")
    assert not pinholes(desk.office.lab.gateway)
    desk.assert_closed("open after CANCEL")
    desk.end()


def test_the_end_of_the_session_closes_the_port(make_office):
    desk = Desk(make_office())
    file = FileTransfer(desk.alices, desk.bobs)
    file.offer()
    file.accept()
    desk.end()
    desk.assert_closed("open after BYE")


def test_a_transfer_that_is_refused_opens_nothing(make_office):
    desk = Desk(make_office())
    file = FileTransfer(desk.alices, desk.bobs)
    file.offer()
    file.cancel(desk.bobs, "REJECT")
    # The sender says all the same where it listens; nobody has anything to fetch there.
    desk.alices.invitation(bodies.file_accept(file.cookie, None, (desk.alice.address, FIRST), file.auth_cookie))
    desk.bobs.hear()
    desk.alices.sent()
    desk.assert_closed("open after the other end has refused")
    desk.end()


def test_an_offer_in_the_header_of_the_invite(make_office):
    """Communicator 2005: the first message of a session, base64 in ms-text-format."""
    office = make_office()
    alice, bob = office.sign_in("alice", "bob")
    listener = office.scene.keep(Listener(alice.host, FIRST))
    file = FileTransfer(None, None)
    offer = base64.b64encode(bodies.file_offer(file.cookie, "plan.doc", len(file.data)).encode()).decode()
    header = ("ms-text-format", f"{bodies.INVITATION};ms-body={offer}")
    offered, answered = bodies.instant_messages(alice.address), bodies.instant_messages(bob.address)
    file.sender, file.receiver, invite, _ = establish(alice, bob, offered, answered, extra=[header])
    assert invite.get(header[0]) == header[1]
    file.accept()
    file.carry(listener)
    hang_up(file.sender, file.receiver)


def test_ten_hosts_at_once(make_office):
    """Ten inside hosts send the same peer a file, each from its own first port. Behind NAT each gets another port outside, all
    of them Messenger's; an eleventh gets none, and the log says so."""
    office = make_office()
    (bob,) = office.sign_in("bob")
    inside = office.lab.inside
    addresses = [f"10.1.2.{number}" for number in range(101, 112)]
    inside.ip_batch(*[f"address add {address}/24 dev eth0" for address in addresses])
    files, listeners = [], []
    for number, address in enumerate(addresses):
        (client,) = office.sign_in(f"user{number}", host=inside, address=address)
        out, back, _, _ = talk(client, bob)
        files.append(FileTransfer(out, back, size=9000))
        listeners.append(office.scene.keep(Listener(inside, FIRST, address)))
        files[-1].offer()
    *ten, eleventh = files
    for file in ten:
        file.accept()
    ports = [file.announced for file in ten]
    if office.scene.nat:
        assert sorted(ports) == [(office.outside_of(inside), port) for port in range(FIRST, transfer.LAST_PORT + 1)]
        message = eleventh.accept()
        assert eleventh.announced == (addresses[-1], FIRST) and message.get("Content-Type") == bodies.INVITATION
        assert f"{addresses[-1]}:{FIRST}: no outside port is left for it" in office.scene.daemon.log
    else:
        assert ports == [(address, FIRST) for address in addresses[:-1]]
    all_connected = threading.Barrier(len(ten))

    def carry(file, listener):
        all_connected.wait(10)
        return file.carry(listener)

    together(*[lambda file=file, listener=listener: carry(file, listener) for file, listener in zip(ten, listeners)])
    for file in files:
        hang_up(file.sender, file.receiver)
    assert not pinholes(office.lab.gateway)


def test_an_inside_host_cannot_be_named_by_another(make_office):
    """An invitation that names somebody else's address, or a port that is not Messenger's, opens nothing."""
    desk = Desk(make_office())
    file = FileTransfer(desk.alices, desk.bobs)
    file.offer()
    for listener in ((desk.office.lab.inside2.ip4, FIRST), (desk.alice.address, 3389)):
        desk.alices.invitation(bodies.file_accept(file.cookie, None, listener, file.auth_cookie))
        desk.bobs.hear()
        desk.alices.sent()
        assert not pinholes(desk.office.lab.gateway)
    desk.end()
