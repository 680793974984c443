# SPDX-License-Identifier: GPL-2.0-or-later
"""Messenger signs in, and its instant messages and presence pass: SIP over TCP 5060, signed, at a routing and a masquerading
gateway. Of what is signed not a byte may change; without NAT not a byte of anything."""

import time

import pytest

from lab import tcp
from lab.ctl import Ctl
from lab.messenger import bodies
from lab.messenger.office import talk
from lab.messenger.session import Session, hang_up

PRESENCE = "<presence xmlns='http://schemas.microsoft.com/2002/09/sip/presence'>" + "<user state='online'/>" * 40 + "</presence>"


def assert_untouched(office, *clients):
    """Every byte of the connections that these clients have made, in both directions; NAT changes session descriptions."""
    if office.scene.nat:
        return
    for client in clients:
        theirs = office.server.wire_of(client.user)
        assert client.wire.sent == theirs.received and client.wire.received == theirs.sent


@pytest.mark.parametrize("scheme", ["NTLM", "Kerberos"])
def test_sign_in_over_several_segments(make_office, scheme):
    office = make_office()
    alice = office.client("alice")
    answer = alice.sign_in(office.server.address, scheme, cuts=(9, 40, 230, 500, 501, 900))
    assert answer.uri("Contact").startswith(f"sip:{office.outside_of(alice.host)}:")
    office.check()
    # What a client and its server say while nobody is called changes in no byte, NAT or not.
    for number in range(1, 4):
        office.server.tell("alice", PRESENCE, number, cuts=(70, 300))
        assert alice.receive("BENOTIFY").body == PRESENCE
    alice.keep_alive()
    subscription = Session.outgoing(alice, "bob@example.com")
    subscription.request("SUBSCRIBE", extra=[("Event", "presence"), ("Expires", "28800"), ("Supported", "ms-benotify")])
    alice.receive((200, "SUBSCRIBE"))
    theirs = office.server.wire_of("alice")
    assert alice.wire.sent == theirs.received and alice.wire.received == theirs.sent
    assert Ctl(office.scene).json("status")["registrations"] == 1


def test_messages_in_bursts(make_office):
    """RTC may have 256 requests under way; whole ones and pieces share segments, with keep-alives between them."""
    office = make_office()
    alice, bob = office.sign_in("alice", "bob")
    out, back, invite, _ = talk(alice, bob)
    assert office.outside_of(alice.host) in invite.body
    texts = [f"{number}: " + "x" * (37 * number % 900) for number in range(60)]
    alice.burst([out.build("MESSAGE", text, "text/plain; charset=UTF-8") for text in texts])
    for number in range(40):
        office.server.tell("alice", f"<presence number='{number}'/>", number + 1)
    assert [back.hear().body for _ in texts] == texts
    for _ in texts:
        out.sent()
    for number in range(40):
        assert alice.receive("BENOTIFY").body == f"<presence number='{number}'/>"
    back.say("and back")
    assert out.hear().body == "and back"
    back.sent()
    out.request("INFO", "<KeyboardActivity><status status='type'/></KeyboardActivity>", "application/xml")
    back.hear("INFO")
    out.sent((200, "INFO"))
    hang_up(back, out)
    assert_untouched(office, alice, bob)


def test_the_first_message_in_the_invitation(make_office):
    """Communicator 2005 says the first words in a header of the INVITE."""
    office = make_office()
    alice, bob = office.sign_in("alice", "bob")
    out = Session.outgoing(alice, bob.aor)
    first = "text/plain; charset=UTF-8;ms-body=aGVsbG8="
    out.invite(bodies.instant_messages(alice.address), extra=[("ms-text-format", first)])
    invite = bob.receive("INVITE")
    assert invite.get("ms-text-format") == first
    back = Session.incoming(bob, invite)
    back.reply(invite, 603)
    out.acknowledge(alice.receive(603))
    bob.receive("ACK")
    assert_untouched(office, alice, bob)


@pytest.mark.parametrize("replace", [True, False], ids=["proxy=replace", "contact"])
@pytest.mark.parametrize("pinned", [False, True], ids=["any-port", "7100-7103"])
def test_the_server_calls_back(make_office, replace, pinned):
    """LCS 2003 notifies its clients on connections of its own, to the port of the Contact."""
    config = {"sip.dynamic_ports": "7100-7103"} if pinned else None
    office = make_office(config, call_back=True)
    port = 7102 if pinned else 14383
    alice = office.client("alice", port=port, replace=replace)
    outside = (office.outside_of(alice.host), port)
    assert tcp.is_blocked(office.lab.server, outside), "the port is open before anybody has signed in"
    alice.sign_in(office.server.address)
    for number in range(1, 4):
        office.server.tell("alice", PRESENCE, number, cuts=(100,))
        assert alice.receive("BENOTIFY").body == PRESENCE
    assert len(alice.called_back()) == 1
    assert tcp.is_blocked(office.lab.third, outside), "others than the server get in"
    # A session whose requests come over both connections.
    (bob,) = office.sign_in("bob", port=7100)
    out, back, _, _ = talk(alice, bob)
    back.say("over the second connection")
    out.hear()
    back.sent()
    hang_up(back, out)


def test_a_port_outside_the_policy_is_not_opened(make_office):
    office = make_office({"sip.dynamic_ports": "7100-7103"}, call_back=True)
    alice = office.client("alice", port=7200)
    alice.sign_in(office.server.address)
    assert tcp.is_blocked(office.lab.server, (office.outside_of(alice.host), 7200))
    log = office.scene.daemon.log
    assert "alice@example.com" in log and "(7100-7103); the range is sip.dynamic_ports here, and MinSipDynamicPort" in log


def test_the_port_closes_when_the_client_signs_off(make_office):
    office = make_office(call_back=True)
    (alice,) = office.sign_in("alice")
    outside = (office.outside_of(alice.host), alice.port)
    office.server.tell("alice", PRESENCE)
    alice.receive("BENOTIFY")
    alice.sign_off()
    assert tcp.is_blocked(office.lab.server, outside)


def test_a_connection_that_was_silent_for_long(make_office):
    """Longer than the daemon keeps what it knows of it. Then the next session works as ever: the connection's mark says that
    it is SIP, and what was edited in it is not forgotten. (Keep-alives for hours: tests/scenario/keep-alive-for-hours.)"""
    office = make_office({"timeouts.flow_idle": "10s"})
    alice, bob = office.sign_in("alice", "bob")
    out, back, _, _ = talk(alice, bob)
    time.sleep(11)
    office.server.tell("alice", PRESENCE)
    assert alice.receive("BENOTIFY").body == PRESENCE
    out.say("still there?")
    back.hear()
    out.sent()
    hang_up(out, back)
    again, answered, invite, _ = talk(alice, bob)
    assert office.outside_of(alice.host) in invite.body
    hang_up(answered, again)
    assert_untouched(office, alice, bob)
