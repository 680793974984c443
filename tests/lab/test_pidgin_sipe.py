# SPDX-License-Identifier: GPL-2.0-or-later
"""A client that others have written for this server: pidgin-sipe, in Finch, signs in and talks."""

import shutil

import pytest

from lab.ctl import Ctl
from lab.finch import Finch
from lab.messenger import bodies
from lab.messenger.session import Session
from lab.namespaces import wait_until


@pytest.mark.skipif(not shutil.which("finch"), reason="finch is not installed (tests/install-packages lab)")
def test_a_client_of_another_make(make_office):
    """It has no agreement with this server about keys, whose mathematics are real there; so here nothing is signed."""
    office = make_office(signs=False)
    finch = office.scene.keep(Finch(office.lab, office.lab.inside, "alice", office.server.address[0]))
    wait_until(lambda: "got response to REGISTER; expires = 7200" in finch.log, 15, "finch to sign in")
    assert Ctl(office.scene).json("status")["registrations"] == 1
    (bob,) = office.sign_in("bob")
    out = Session.outgoing(bob, "alice@example.com")
    out.invite(bodies.instant_messages(bob.address))
    answer = bob.receive((200, "INVITE"))
    assert f"c=IN IP4 {office.outside_of(office.lab.inside)}\r\n" in answer.body
    out.acknowledge(answer)
    out.say("a word from bob")
    out.sent()
    wait_until(lambda: "a word from bob" in finch.log, 5, "the word on alice's side")
    out.request("BYE")
    bob.receive((200, "BYE"))
