# SPDX-License-Identifier: GPL-2.0-or-later
"""Attacks by messages that are SIP, but come from somebody who has no part in the call, or that are too many or too
large.
"""

import time

from lab.attacks.attack import Attack
from lab.attacks.field import ATTACKER_MEDIA, NOBODY, VICTIM_MEDIA, data_of, openings, refused
from lab.scene import Call, audio, sdp
from lab.sipmsg import SipMessage
from lab.sipua import host_port

REGISTER_PORT = 5062
EXPIRES = 600
WRONG_SIDE, WRONG_DIALOG = refused("wrong_side"), refused("wrong_dialog")
FEW_CALLS = 20


def settle():
    """What is forged gets no answer that one could wait for."""
    time.sleep(0.1)


def with_headers(message, **changes):
    """A copy with other values; None leaves a header out."""
    changes = {name.replace("_", "-").lower(): value for name, value in changes.items()}
    headers = [(name, changes.get(name.lower(), value)) for name, value in message.headers]
    return SipMessage(message.start_line, [(n, v) for n, v in headers if v is not None], message.body)


def forged_inside_source(method):
    """From the outside wire with an inside host's address, to an outside host that nobody has to have; and its
    answer.
    """

    def act(field):
        forger, inside, outside = field.forger(), (field.victim.ip4, 5060), (NOBODY, 5060)
        body = field.invite().body if method == "INVITE" else ""
        request = field.request(method, "forged", body, transport="UDP", extra=[("Expires", str(EXPIRES))])
        forger.udp(inside, outside, data_of(request))
        settle()
        answer = field.response(request, body=None if body else "")
        if method == "REGISTER":
            answer = with_headers(answer, Contact=f"{request.get('Contact')};expires={EXPIRES}")
        forger.udp(outside, inside, data_of(answer))
        settle()

    return act


def _ring(field, status=None):
    """The victim's own phone calls an honest server, which has not answered yet, or has rung with early media
    (status).
    """
    caller = field.scene.agent(field.victim, transport="udp")
    callee = field.scene.agent(field.lab.server, transport="udp")
    call = Call.outgoing(caller, callee.uri, callee.address)
    call.request("INVITE", sdp(field.victim.ip4, audio(VICTIM_MEDIA)))
    invite = callee.receive("INVITE")
    if status:
        callee.reply(invite, status, sdp(field.lab.server.ip4, audio(ATTACKER_MEDIA)), tag="s")
        caller.receive(status)
        field.expected |= {(field.lab.server.ip4, field.victim.ip4, "udp", VICTIM_MEDIA + more) for more in (0, 1)}
        field.honest_openings += 2
    return call, callee, invite


def _throw(field, source, agent, seen_as, message):
    """A stranger's message to the phone of an inside host. Behind NAT to the number that the world sees, and to the
    inside address as well, for who sits on the outside wire can do that."""
    for to in {seen_as, agent.address}:
        field.forger().udp(source, to, data_of(message))
    settle()


def _forge_response(field, call, invite, status, source, tag="s", **changes):
    """What an eavesdropper would send: every field is right but those in changes."""
    headers = [("Via", via) for via in invite.all("Via")]
    headers += [("From", invite.get("From")), ("To", f"{invite.get('To')};tag={tag}")]
    headers += [("Call-ID", invite.get("Call-ID")), ("CSeq", invite.get("CSeq"))]
    headers += [("Contact", f"<sip:attacker@{field.attacker.ip4}:5060>")]
    body = sdp(field.attacker.ip4, audio(ATTACKER_MEDIA)) if status < 300 else ""
    if body:
        headers.append(("Content-Type", "application/sdp"))
    forged = with_headers(SipMessage(f"SIP/2.0 {status} Forged", headers, body), **changes)
    _throw(field, source, call.agent, invite.source, forged)


def stranger_answers(status):
    """A third host answers another's INVITE; it knows Call-ID, branch and tags."""

    def act(field):
        call, callee, invite = _ring(field)
        _forge_response(field, call, invite, status, (field.attacker.ip4, 5060), tag="third")
        field.assert_untouched_so_far()
        callee.reply(invite, 486, tag="s")
        call.ack(call.agent.receive(486))
        callee.receive("ACK")

    return act


def stranger_refuses(status):
    """A third host ends a call that rings with early media."""

    def act(field):
        call, callee, invite = _ring(field, 183)
        _forge_response(field, call, invite, status, (field.attacker.ip4, 5060))
        field.assert_untouched_so_far()
        _give_up(field, call, callee, invite)

    return act


def forged_refusal_without_tags(field):
    """With the server's own address, but neither branch nor tags."""
    call, callee, invite = _ring(field, 183)
    guess = {"Via": f"SIP/2.0/UDP {field.victim.ip4}:5060;branch=z9hG4bKguess", "From": "<sip:a@b>;tag=guess"}
    _forge_response(field, call, invite, 481, callee.address, tag="guess", **guess)
    field.assert_untouched_so_far()
    _give_up(field, call, callee, invite)


def _give_up(field, call, callee, invite):
    callee.reply(invite, 486, tag="s")
    call.ack(call.agent.receive(486))
    callee.receive("ACK")
    field.expected = {one for one in field.expected if one[0] != field.lab.server.ip4}


def forged_bye(source, from_tag, to_tag):
    """Of the call beside. source: "attacker" or "peer". The tags: None for the right ones."""

    def act(field):
        call = field.call.back  # the side that is outside
        right = call.make("BYE")
        headers = {}
        if from_tag is not None:
            headers["From"] = right.get("From").partition(";tag=")[0] + from_tag
        if to_tag is not None:
            headers["To"] = right.get("To").partition(";tag=")[0] + to_tag
        bye = with_headers(right, **headers)
        host = {"attacker": field.attacker, "peer": field.lab.peer}[source]
        _throw(field, (host.ip4, 5060), field.call.caller, call.to, bye)
        call.cseq -= 1

    return act


def stranger_fails_reinvite(status):
    """The call beside is put on another port of its caller; a third host says no before the peer says yes."""

    def act(field):
        out, callee, media = field.call.out, field.call.callee, 43000
        out.request("INVITE", sdp(field.other.ip4, audio(media)))
        invite = callee.receive("INVITE")
        headers = [("Via", via) for via in invite.all("Via")]
        headers += [(name, invite.get(name)) for name in ("From", "To", "Call-ID", "CSeq")]
        forged = SipMessage(f"SIP/2.0 {status} Forged", headers)
        _throw(field, (field.attacker.ip4, 5060), out.agent, invite.source, forged)
        assert not field.ctl or field.expected <= openings(field.lab.gateway), "the stranger closed the call"
        callee.reply(invite, 200, sdp(callee.address[0], audio(52000)))
        out.ack(out.agent.receive(lambda one: one.status == 200 and one.cseq == invite.cseq))
        callee.receive("ACK")
        field.expected = {(field.lab.peer.ip4, field.other.ip4, "udp", media + more) for more in (0, 1)}
        field.honest_openings += 2
        field.assert_untouched_so_far()
        _back_to_first_port(field)

    return act


def _back_to_first_port(field):
    out, callee = field.call.out, field.call.callee
    out.request("INVITE", sdp(field.other.ip4, audio(42000)))
    invite = callee.receive("INVITE")
    callee.reply(invite, 200, sdp(callee.address[0], audio(52000)))
    out.ack(out.agent.receive(lambda one: one.status == 200 and one.cseq == invite.cseq))
    callee.receive("ACK")
    field.expected = {(field.lab.peer.ip4, field.other.ip4, "udp", 42000 + more) for more in (0, 1)}
    field.honest_openings += 2


def forged_sign_off(forged_server, right_call_id, **changes):
    """An answer to a REGISTER that says that it is over. changes: headers beside Via and Call-ID."""

    def act(field):
        client = field.scene.agent(field.victim, REGISTER_PORT, "udp")
        server = field.scene.agent(field.lab.server, transport="udp")
        registration = Call.outgoing(client, server.uri, server.address)
        registration.request("REGISTER", extra=[("Expires", str(EXPIRES))])
        asked = server.receive("REGISTER")
        server.reply(asked, 200, tag="r", extra=[("Contact", f"{asked.get('Contact')};expires={EXPIRES}")])
        client.receive((200, "REGISTER"))
        # What the registrar may do from now on is honest.
        field.expected |= openings(field.lab.gateway)
        headers = [("Via", f"SIP/2.0/UDP {host_port(*client.address)};branch=z9hG4bKguess")]
        headers += [("From", asked.get("From")), ("To", f"{asked.get('To')};tag=x")]
        headers += [("Call-ID", asked.get("Call-ID") if right_call_id else "guess")]
        headers += [("CSeq", asked.get("CSeq")), *changes.items()]
        source = server.address if forged_server else (field.attacker.ip4, 5060)
        _throw(field, source, client, asked.source, SipMessage("SIP/2.0 200 OK", headers))
        field.assert_untouched_so_far()
        if field.ctl:
            assert "has signed off" not in field.scene.daemon.log
            assert field.ctl.json("status")["registrations"] == 1

    return act


def many_outside_invites(field):
    """Nobody answers them; the host that they are for still makes a call."""
    forger = field.forger()
    for number in range(3 * FEW_CALLS):
        body = sdp(field.attacker.ip4, audio(ATTACKER_MEDIA))
        asked = field.request("INVITE", f"flood-{number}", body, transport="UDP", source=field.attacker.ip4)
        forger.udp((field.attacker.ip4, 5060), (field.victim.ip4, 5060), data_of(asked))
    settle()
    call, callee, invite = _ring(field, 183)
    field.assert_untouched_so_far()
    _give_up(field, call, callee, invite)


def stranger_cancels(field):
    """A third host takes back a call that rings at the victim's; the victim answers all the same, after the CANCEL's
    time.
    """
    phone, server = (field.scene.agent(host, transport="udp") for host in (field.victim, field.lab.server))
    Call.outgoing(phone, server.uri, server.address).request("OPTIONS")  # so that the firewall lets answers in
    way_in = server.receive("OPTIONS")
    call = Call.outgoing(server, way_in.uri("Contact"), way_in.source)
    call.request("INVITE", sdp(field.lab.server.ip4, audio(ATTACKER_MEDIA)))
    invite = phone.receive("INVITE")
    cancel = call.last_invite
    headers = [(name, value.replace("INVITE", "CANCEL") if name == "CSeq" else value) for name, value in cancel.headers]
    start = cancel.start_line.replace("INVITE", "CANCEL", 1)
    forged = SipMessage(start, [one for one in headers if one[0] not in ("Content-Type", "Contact")])
    _throw(field, (field.attacker.ip4, 5060), phone, way_in.source, forged)
    time.sleep(2.5)
    phone.reply(invite, 200, sdp(field.victim.ip4, audio(VICTIM_MEDIA)), tag="v")
    call.ack(server.receive((200, "INVITE")))
    phone.receive("ACK")
    mine = {(field.lab.server.ip4, field.victim.ip4, "udp", VICTIM_MEDIA + more) for more in (0, 1)}
    field.expected |= mine
    field.honest_openings += 2
    field.assert_untouched_so_far()
    call.request("BYE")
    phone.reply(phone.receive("BYE"), 200)
    server.receive((200, "BYE"))
    field.expected -= mine


def _exchange(field, invite, answer):
    """Over UDP, in as many fragments as it takes."""
    text = data_of(invite)
    arrived, source = field.datagram(text)
    assert field.scene.nat or arrived == text
    field.answer_datagram(data_of(answer), source)


def many_headers(field):
    invite = field.invite("headers", transport="UDP", extra=[("X", str(number)) for number in range(4000)])
    _exchange(field, invite, field.response(invite))


def many_media(field):
    lines = [audio(VICTIM_MEDIA + 2 * number) for number in range(1000)]
    invite = field.request("INVITE", "media", sdp(field.victim.ip4, *lines), transport="UDP")
    answer = field.response(invite, body=sdp(field.attacker.ip4, *[audio(ATTACKER_MEDIA)] * 1000))
    _exchange(field, invite, answer)


def many_candidates(field):
    lines = [f"a=candidate:{n} 1 UDP 2130706431 {field.other.ip4} {20000 + n} typ host" for n in range(900)]
    media = "\r\n".join([audio(VICTIM_MEDIA, connection=field.other.ip4), *lines])
    theirs = "\r\n".join([audio(ATTACKER_MEDIA), f"a=candidate:1 1 UDP 2130706431 {field.attacker.ip4} 50000 typ host"])
    invite = field.request("INVITE", "candidates", sdp(field.other.ip4, media), transport="UDP")
    _exchange(field, invite, field.response(invite, body=sdp(field.attacker.ip4, theirs)))


ATTACKS = [
    Attack("forged inside source INVITE", forged_inside_source("INVITE"), WRONG_SIDE),
    Attack("forged inside source REGISTER", forged_inside_source("REGISTER"), WRONG_SIDE),
    Attack("third host answers 200", stranger_answers(200), WRONG_DIALOG),
    Attack("third host answers 183", stranger_answers(183), WRONG_DIALOG),
    Attack("third host refuses 403", stranger_refuses(403), WRONG_DIALOG),
    Attack("third host refuses 481", stranger_refuses(481), WRONG_DIALOG),
    Attack("forged 481 without tags", forged_refusal_without_tags, None, None),
    Attack("third host cancels", stranger_cancels, WRONG_DIALOG, config={"timeouts.transaction": "1s"}),
    Attack("BYE from a third host", forged_bye("attacker", None, None), WRONG_DIALOG, "other"),
    Attack("forged BYE without tags", forged_bye("peer", "", ""), WRONG_DIALOG, "other"),
    Attack("forged BYE with a wrong tag", forged_bye("peer", None, ";tag=guess"), WRONG_DIALOG, "other"),
    Attack("third host fails a re-INVITE 481", stranger_fails_reinvite(481), WRONG_DIALOG, "other"),
    Attack("third host fails a re-INVITE 488", stranger_fails_reinvite(488), WRONG_DIALOG, "other"),
    # An answer that fits no question is no news of a registration; there is nothing in it that asks for anything.
    Attack("forged Expires 0", forged_sign_off(True, False, Contact="<sip:nobody@192.0.2.9>;expires=0"), None, None),
    Attack("forged 200 without Contact", forged_sign_off(True, False), None, None),
    Attack("forged Expires 0 with the Call-ID", forged_sign_off(True, True, Expires="0"), None, None),
    Attack("Expires 0 from a third host", forged_sign_off(False, True, Expires="0"), None, None),
    Attack("outside INVITEs that nobody answers", many_outside_invites, None, None,
           config={"limits.calls_per_host": FEW_CALLS}),
    Attack("4000 headers", many_headers, refused("not_understood")),
    Attack("1000 media", many_media, refused("not_understood")),
    Attack("900 candidates of another host", many_candidates, refused("not_sender_address")),
]
