# SPDX-License-Identifier: GPL-2.0-or-later
"""The people of the tests, at their places: alice and carol inside, bob and mallory outside, and their server outside."""

import contextlib
import hashlib
import itertools
import os
from concurrent.futures import ThreadPoolExecutor

from lab import tcp
from lab.media import Flow, Port
from lab.messenger import bodies, t120, transfer
from lab.messenger.client import Client
from lab.messenger.lcs import Lcs
from lab.messenger.session import establish
from lab.topology import GATEWAY_OUTSIDE

PLACES = {"alice": "inside", "carol": "inside2", "bob": "peer", "mallory": "third"}
FILE_BYTES = 48128
_cookies = itertools.count(704501)


class Office:
    """server: an Lcs, unless the test brings another registrar's (address, port); then nothing is signed."""

    def __init__(self, scene, registrar=None, **server):
        self.scene = scene
        self.lab = scene.lab
        self.server = None if registrar else scene.keep(Lcs(scene.lab.server, **server))
        self._registrar = registrar or self.server.address
        self._scheme = "NTLM" if self.server and self.server.signs else None

    def host(self, user):
        return getattr(self.lab, PLACES[user])

    def client(self, user, host=None, **options):
        """Not signed in yet."""
        return self.scene.keep(Client(host or self.host(user), user, **options))

    def sign_in(self, *users, **options):
        clients = [self.client(user, **options) for user in users]
        address, port = self._registrar
        for client in clients:
            client.sign_in((address, port + 1 if client.tls else port), self._scheme)
        return clients

    def outside_of(self, host, address=None):
        """The address by which the world knows a host."""
        is_hidden = self.scene.nat and host in (self.lab.inside, self.lab.inside2)
        return GATEWAY_OUTSIDE[0] if is_hidden else address or host.ip4

    def check(self):
        if self.server:
            self.server.check()


def talk(caller, callee):
    """An instant message session, as every file transfer needs one."""
    offer = bodies.instant_messages(caller.address)
    return establish(caller, callee, offer, bodies.instant_messages(callee.address, caller.aor))


def together(*works):
    """Runs both ends of something at the same time; returns their results, or raises what one of them raised."""
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(30) for future in [pool.submit(work) for work in works]]


def share(dialling, listener, address):
    """A whole T.120 conference: the host `dialling` connects to (address, port). Returns where the connection came from."""
    seen_from = []

    def begin():
        with contextlib.closing(tcp.dial(dialling, address)) as connection:
            return t120.invite(connection)

    def take_part():
        connection, remote = listener.accept()
        seen_from.append(remote)
        with contextlib.closing(connection):
            return t120.join(connection)

    (drawn, seen), (other_drawn, other_seen) = together(begin, take_part)
    assert drawn == other_seen and other_drawn == seen, "a page has arrived changed"
    return seen_from[0]


class Stream:
    """UDP between a port of an inside host, known outside as `seen_as`, and a port of an outside host."""

    PACKETS = 5

    def __init__(self, office, inside, port, seen_as, outside, outside_port):
        scene = office.scene
        self._taps = scene.tap(inside), scene.tap(outside)
        self._inside = scene.keep(Port(inside, inside.ip4, port))
        self._outside = scene.keep(Port(outside, outside.ip4, outside_port))
        self._seen_as = seen_as

    def close(self):
        self._inside.close()
        self._outside.close()

    def came_in(self):
        """How many of the packets that the outside host sends reach the inside host's port."""
        before = len(self._arrived_inside())
        Flow(self._outside, self._seen_as).send(self.PACKETS, 0.002)
        return len(self._arrived_inside()) - before

    def went_out(self):
        before = len(self._arrived_outside())
        Flow(self._inside, self._outside.address).send(self.PACKETS, 0.002)
        return len(self._arrived_outside()) - before

    def _arrived_inside(self):
        return self._taps[0].arrived(self._outside.address, self._inside.address)

    def _arrived_outside(self):
        return self._taps[1].arrived(self._seen_as, self._outside.address)

    def assert_passes(self):
        """Inbound first: what goes out first would let it in at any stateful firewall."""
        assert (self.came_in(), self.went_out()) == (self.PACKETS, self.PACKETS), f"in, out through {self._seen_as}"

    def assert_blocked(self):
        assert self.came_in() == 0, f"packets to {self._seen_as} come in"


class FileTransfer:
    """One file from one end of an instant message session to the other; the steps of [the invitation] one by one."""

    def __init__(self, sender, receiver, size=FILE_BYTES, sender_listens=True):
        self.sender, self.receiver = sender, receiver
        self.cookie = next(_cookies)
        self.data = os.urandom(size)
        self.keys = transfer.new_keys()
        self.auth_cookie = transfer.new_auth_cookie()
        self.sender_listens = sender_listens
        self.announced = None  # (address, port) as whoever dials has read it

    def offer(self):
        text = bodies.file_offer(self.cookie, "plan.doc", len(self.data), self.sender_listens)
        self.sender.invitation(text)
        offered = self.receiver.hear()
        assert bodies.fields(offered.body)["Invitation-Cookie"] == str(self.cookie)
        self.sender.sent()

    def accept(self, port=transfer.FIRST_PORT, address=None):
        """Until whoever listens has said where."""
        listener = (self.sender if self.sender_listens else self.receiver).client
        where = (address or listener.address, port)
        if not self.sender_listens:
            text = bodies.file_accept(self.cookie, self.keys, where, self.auth_cookie, sender_connects=True)
            return self._announce(self.receiver, self.sender, text)
        self.receiver.invitation(bodies.file_accept(self.cookie, self.keys))
        got = bodies.fields(self.sender.hear().body)
        assert (got["Encryption-Key"], got["Hash-Key"]) == self.keys
        self.receiver.sent()
        return self._announce(self.sender, self.receiver, bodies.file_accept(self.cookie, None, where, self.auth_cookie))

    def _announce(self, speaker, hearer, text):
        speaker.invitation(text)
        message = hearer.hear()
        speaker.sent()
        got = bodies.fields(message.body)
        assert got["AuthCookie"] == self.auth_cookie
        self.announced = (got["IP-Address"], int(got["Port"]))
        return message

    def cancel(self, speaker, code="FTTIMEOUT"):
        speaker.invitation(bodies.file_cancel(self.cookie, code))
        (self.receiver if speaker is self.sender else self.sender).hear()
        speaker.sent()

    def carry(self, listener):
        """The file over TCP, compared by checksum. Returns where the connection came from, and when both ends were busy."""
        seen_from = []
        dialling = (self.receiver if self.sender_listens else self.sender).client

        def accepted():
            connection, remote = listener.accept()
            seen_from.append(remote)
            return connection

        def dialled():
            return tcp.dial(dialling.host, self.announced, source=dialling.address)

        to_sender, to_receiver = (accepted, dialled) if self.sender_listens else (dialled, accepted)
        _, received = together(
            lambda: transfer.send_file(to_sender(), self.data, self.auth_cookie, self.keys),
            lambda: transfer.receive_file(to_receiver(), self.receiver.client.aor, self.auth_cookie, self.keys),
        )
        assert hashlib.sha256(received).digest() == hashlib.sha256(self.data).digest(), "the file has arrived changed"
        return seen_from[0]
