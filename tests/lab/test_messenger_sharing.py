# SPDX-License-Identifier: GPL-2.0-or-later
"""Messenger's whiteboard and application sharing: T.120 over TCP 1503, between exactly the two hosts of a call."""

import socket

import pytest

from lab import tcp
from lab.ctl import Ctl
from lab.messenger import bodies, t120
from lab.messenger.office import Office, share
from lab.messenger.session import establish, hang_up
from lab.pinholes import pinholes
from lab.scene import Call
from lab.tcp import Listener


class Conference:
    """alice inside, bob outside; both hosts listen at 1503 from the start."""

    def __init__(self, office):
        self.office = office
        self.alice, self.bob = office.sign_in("alice", "bob")
        self.inside = (office.outside_of(self.alice.host), t120.PORT)
        self.listeners = {client: office.scene.keep(Listener(client.host, t120.PORT)) for client in (self.alice, self.bob)}

    def assert_closed(self, why):
        assert tcp.is_blocked(self.bob.host, self.inside), why

    def start(self, caller, callee, direction=None):
        self.assert_closed("open before the call")
        offer = bodies.sharing(caller.address, direction)
        return establish(caller, callee, offer, bodies.sharing(callee.address))


def test_who_is_called_from_inside(make_office):
    conference = Conference(make_office())
    alice, bob = conference.alice, conference.bob
    out, back, invite, _ = conference.start(alice, bob, "sendonly")
    assert "m=application 1503 tcp msdata\r\n" in invite.body and conference.inside[0] in invite.body
    # Who has called connects; the other direction is for clients that do it the other way round.
    assert share(alice.host, conference.listeners[bob], (bob.address, t120.PORT))[0] == conference.inside[0]
    assert share(bob.host, conference.listeners[alice], conference.inside)[0] == bob.address
    assert tcp.is_blocked(conference.office.lab.third, conference.inside), "a third host gets in"
    hang_up(out, back)
    conference.assert_closed("open after the call")


def test_who_calls_from_outside(make_office):
    conference = Conference(make_office())
    out, back, _, answer = conference.start(conference.bob, conference.alice)
    assert "m=application 1503 tcp msdata\r\n" in answer.body and conference.inside[0] in answer.body
    assert tcp.is_blocked(conference.office.lab.third, conference.inside), "a third host gets in"
    assert share(conference.bob.host, conference.listeners[conference.alice], conference.inside)[0] == conference.bob.address
    hang_up(back, out)
    conference.assert_closed("open after the call")


def test_the_end_of_the_call_cuts_the_connection(make_office):
    conference = Conference(make_office())
    out, back, _, _ = conference.start(conference.bob, conference.alice)
    connection = tcp.dial(conference.bob.host, conference.inside)
    other, _ = conference.listeners[conference.alice].accept()
    connection.sendall(b"before")
    assert tcp.read_exactly(other, 6) == b"before"
    hang_up(out, back)
    connection.sendall(b"after")
    other.settimeout(0.4)
    with connection, other, pytest.raises(TimeoutError):
        other.recv(5)


def test_a_second_inside_host_with_the_same_peer(make_office):
    """Behind NAT the only port leads a peer to one inside host. A second one's m= line is refused in its session description
    while the first one's call lasts; it works after. Routed, both work at once."""
    office = make_office()
    conference = Conference(office)
    alice, bob = conference.alice, conference.bob
    (carol,) = office.sign_in("carol")
    first, first_back, _, _ = conference.start(bob, alice)
    second, second_back, _, answer = establish(bob, carol, bodies.sharing(bob.address), bodies.sharing(carol.address))
    carols = office.scene.keep(Listener(carol.host, t120.PORT))
    outside = (office.outside_of(carol.host), t120.PORT)
    if office.scene.nat:
        assert "m=application 0 tcp msdata\r\n" in answer.body
        (line,) = [line for line in office.scene.daemon.log.splitlines() if "leads to another inside host" in line]
        assert f"refused: {carol.address}:" in line
        # To another peer the same host has the port.
        (mallory,) = office.sign_in("mallory")
        third, third_back, _, free = establish(mallory, carol, bodies.sharing(mallory.address), bodies.sharing(carol.address))
        assert "m=application 1503 tcp msdata\r\n" in free.body
        share(mallory.host, carols, outside)
        hang_up(third, third_back)
    share(bob.host, conference.listeners[alice], conference.inside)
    hang_up(first, first_back)
    hang_up(second, second_back)
    again, again_back, _, answer = establish(bob, carol, bodies.sharing(bob.address), bodies.sharing(carol.address))
    assert "m=application 1503 tcp msdata\r\n" in answer.body
    share(bob.host, carols, outside)
    hang_up(again, again_back)
    assert not pinholes(office.lab.gateway)


def test_beside_audio_and_video(make_office):
    office = make_office()
    conference = Conference(office)
    alice, bob = conference.alice, conference.bob
    with_sharing = bodies.audio_offer(alice.address) + "m=application 1503 tcp msdata\r\na=encryption:optional\r\n"
    agreed = bodies.audio_answer(bob.address) + "m=application 1503 tcp msdata\r\na=encryption:optional\r\n"
    out, back, _, _ = establish(alice, bob, with_sharing, agreed)
    assert {(hole.proto, hole.port) for hole in pinholes(office.lab.gateway)} == {
        ("udp", 5350), ("udp", 5351), ("udp", 5352), ("udp", 5353), ("tcp", t120.PORT)
    }
    share(bob.host, conference.listeners[alice], conference.inside)
    hang_up(out, back)
    assert not pinholes(office.lab.gateway)


def test_a_service_of_the_gateway_keeps_the_port(make_scene):
    """Sharing is turned down in what the outside gets to see, and the reason is said."""
    scene = make_scene(nat=True, transport="tcp", daemon=False)
    with scene.lab.gateway.socket(socket.AF_INET, socket.SOCK_STREAM) as service:
        service.bind(("0.0.0.0", t120.PORT))
        service.listen()
        scene.start_daemon()
        alice, bob = Office(scene).sign_in("alice", "bob")
        _, _, invite, _ = establish(alice, bob, bodies.sharing(alice.address), bodies.sharing(bob.address))
        assert "m=application 0 tcp msdata\r\n" in invite.body
        assert str(t120.PORT) not in scene.lab.gateway.nft("list map inet messenger_alg dnat4")
        assert 'messenger_alg_refusals_total{reason="outside_port_reserved"} 1' in Ctl(scene).run("metrics")


def test_what_is_shared_goes_on_when_a_service_takes_the_port(make_scene):
    """A reload shows that the port is in use; then comes the call's next session refresh."""
    scene = make_scene(nat=True)
    caller, peer = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    call = Call.outgoing(caller, peer.uri, peer.address)

    def agree(tag=None):
        call.request("INVITE", bodies.sharing(caller.address[0]))
        invite = peer.receive("INVITE")
        peer.reply(invite, 200, bodies.sharing(peer.address[0]), tag=tag)
        call.ack(caller.receive(200))
        peer.receive("ACK")
        return invite.body

    assert " 1503 " in agree("p")
    with scene.lab.gateway.socket(socket.AF_INET, socket.SOCK_STREAM) as service:
        service.bind(("0.0.0.0", t120.PORT))
        service.listen()
        Ctl(scene).run("reload")
        assert " 1503 " in agree()
        assert "1503" in scene.lab.gateway.nft("list map inet messenger_alg dnat4")
