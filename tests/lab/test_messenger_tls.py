# SPDX-License-Identifier: GPL-2.0-or-later
"""SIP over TLS, TCP 5061: it passes, nobody can read it, and so it opens nothing."""

from lab import tcp
from lab.ctl import Ctl
from lab.messenger import bodies, t120, tls, transfer
from lab.messenger.office import FileTransfer, talk
from lab.messenger.session import establish, hang_up
from lab.pinholes import pinholes


def test_what_cannot_be_read_opens_nothing(make_office, tmp_path):
    server, client = tls.contexts(tmp_path)
    office = make_office(tls=server)
    alice, bob = office.sign_in("alice", "bob", tls=client)
    theirs = office.server.wire_of("alice")
    assert theirs.transport == "tls" and theirs.local[1] == 5061
    office.server.tell("alice", "<presence/>")
    alice.receive("BENOTIFY")
    out, back, invite, _ = talk(alice, bob)
    assert alice.address in invite.body, "nobody has rewritten what nobody can read"
    file = FileTransfer(out, back)
    file.offer()
    file.accept()
    sharing = bodies.sharing(alice.address)
    second, second_back, _, _ = establish(alice, bob, sharing, bodies.sharing(bob.address))
    assert not pinholes(office.lab.gateway) and Ctl(office.scene).json("status")["calls"] == 0
    for port in (transfer.FIRST_PORT, t120.PORT, 5350):
        assert tcp.is_blocked(bob.host, (office.outside_of(alice.host), port))
    hang_up(second, second_back)
    hang_up(out, back)
    assert alice.wire.sent == theirs.received and alice.wire.received == theirs.sent
