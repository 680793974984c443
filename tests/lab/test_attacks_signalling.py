# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages of strangers, and too many or too large ones: no call opens, moves or ends by them."""

import json
import re

import pytest

from lab.attacks.attack import cases
from lab.attacks.field import Field, HonestCall
from lab.attacks.signalling import ATTACKS
from lab.attacks.trial import repel
from lab.ctl import Ctl
from lab.pinholes import pinholes
from lab.scene import Call, audio, establish, hang_up, sdp

GATEWAYS = pytest.mark.parametrize("gateway", ["routed", "nat"])
# What moves a terminal's cursor, sets its title, changes its colours, rings; C1 controls as bytes and in UTF-8.
CONTROLS = "\x1b]0;owned\x07\x1b[2J\x1b[31m\x08\x7f\x9b1m\u202e"


@pytest.mark.parametrize("attack,gateway", **cases(ATTACKS))
def test_attack(make_scene, attack, gateway):
    repel(make_scene, attack, gateway)


@GATEWAYS
def test_the_right_hosts_do_all_of_it(make_scene, gateway):
    """The control: who is in the call opens, moves and ends it with the same messages."""
    scene = make_scene(nat=gateway == "nat")
    field = Field(scene)
    field.call = HonestCall(field)
    first = {hole.port for hole in pinholes(scene.lab.gateway)}
    out, callee = field.call.out, field.call.callee
    out.request("INVITE", sdp(field.other.ip4, audio(43000)))
    callee.reply(callee.receive("INVITE"), 200, sdp(callee.address[0], audio(52000)))
    out.ack(out.agent.receive(200))
    callee.receive("ACK")
    assert first == {42000, 42001} and {hole.port for hole in pinholes(scene.lab.gateway)} == {43000, 43001}
    hang_up(field.call.back, field.call.caller)
    assert pinholes(scene.lab.gateway) == []


@GATEWAYS
def test_thousands_of_branches_open_no_more_than_their_limit(make_scene, gateway):
    """One INVITE, answered by ever more callees, each with media at another address."""
    limit = 16
    scene = make_scene(nat=gateway == "nat", config={"limits.dialogs_per_call": limit})
    field = Field(scene)
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    call = Call.outgoing(caller, callee.uri, callee.address)
    call.request("INVITE", sdp(scene.lab.inside.ip4, audio(40000)))
    invite = callee.receive("INVITE")
    field.remember()
    for number in range(2000):
        elsewhere = f"203.0.{113 + number // 250}.{number % 250 + 1}"
        callee.reply(invite, 183, sdp(elsewhere, audio(50000)), tag=f"t{number}")
        if number % 20 == 0:
            caller.take()
    while caller.take(0.3):
        pass
    holes = pinholes(scene.lab.gateway)
    assert {(hole.inside, hole.port) for hole in holes} == set(scene.inside_ports(40000))
    assert 2 < len(holes) <= 2 * limit
    field.wait_said('messenger_alg_refusals_total{reason="too_many_dialogs"}')
    callee.reply(invite, 486, tag="t0")
    call.ack(caller.receive(486))
    scene.wait_closed()


def assert_harmless(text, what):
    """Printable ASCII and line ends."""
    strange = re.findall(r"[^\n\x20-\x7e]", text)
    assert not strange, f"{what} has {strange[:5]} in it"


@GATEWAYS
def test_control_characters_reach_neither_log_nor_terminal(make_scene, gateway):
    scene = make_scene(nat=gateway == "nat")
    ctl = Ctl(scene)
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    call = Call.outgoing(caller, callee.uri, callee.address)
    call.call_id = f"{CONTROLS}@evil"
    call.local = f'"{CONTROLS}" <sip:{CONTROLS}@10.1.2.10>;tag=c1'
    extra = [("Subject", CONTROLS), ("User-Agent", CONTROLS)]
    body = sdp(scene.lab.inside.ip4, audio(40000), session=[f"i={CONTROLS}"])
    call.request("INVITE", body, extra=extra)
    invite = callee.receive("INVITE")
    callee.reply(invite, 200, sdp(scene.lab.peer.ip4, audio(50000)), tag="p1")
    call.ack(caller.receive(200))
    callee.receive("ACK")
    # Another one, which is refused: that line names the caller and the call.
    refused = Call.outgoing(caller, callee.uri, callee.address)
    refused.call_id, refused.local = f"{CONTROLS}@refused", call.local
    refused.request("INVITE", sdp(scene.lab.inside2.ip4, audio(40000)), extra=extra)
    callee.receive("INVITE")
    assert len(pinholes(scene.lab.gateway)) == 2, "the call is understood, and so its text is shown"
    table = scene.lab.gateway.run("nft", "list", "table", "inet", "messenger_alg")
    assert_harmless(table.replace("\t", " "), "nft list table")
    for arguments in (["status"], ["calls"], ["calls", "--recent"], ["pinholes"], ["explain", "--all"], ["events"],
                      ["metrics"], ["calls", "--json"], ["pinholes", "--json"], ["events", "--json"]):
        done = ctl.try_run(*arguments)
        assert_harmless(done.stdout + done.stderr, " ".join(arguments))
    (one,) = [one for one in ctl.json("calls")["calls"] if one["id"].endswith("@evil") or "evil" in json.dumps(one)]
    assert "owned" in one["id"], "the text is there, only harmless"
    assert "owned" in scene.daemon.log
    assert_harmless(scene.daemon.log, "the log")


@GATEWAYS
def test_the_real_answer_counts_after_a_strangers(make_scene, gateway):
    """Who is asked can still answer, and what opens is for the media that he names."""
    scene = make_scene(nat=gateway == "nat")
    field = Field(scene)
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    call = Call.outgoing(caller, callee.uri, callee.address)
    call.request("INVITE", sdp(scene.lab.inside.ip4, audio(40000)))
    invite = callee.receive("INVITE")
    for status, tag in ((183, "x"), (200, "p1"), (486, "p1")):
        headers = [("Via", invite.get("Via")), ("From", invite.get("From")), ("To", f"{invite.get('To')};tag={tag}")]
        headers += [("Call-ID", invite.get("Call-ID")), ("CSeq", invite.get("CSeq"))]
        forged = f"SIP/2.0 {status} Forged\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers)
        body = sdp(field.attacker.ip4, audio(50000))
        forged += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        for to in {invite.source, caller.address}:
            field.forger().udp((field.attacker.ip4, 5060), to, forged.encode())
    callee.reply(invite, 200, sdp(scene.lab.peer.ip4, audio(50000)), tag="p1")
    call.ack(caller.receive(lambda one: one.status == 200 and "Forged" not in one.start_line))
    callee.receive("ACK")
    assert {(hole.remote, hole.port) for hole in pinholes(scene.lab.gateway)} == {
        (scene.lab.peer.ip4, 40000), (scene.lab.peer.ip4, 40001)
    }
    scene.media(40000, 50000).assert_inbound_passes()
    establish_again(scene, caller, callee)


def establish_again(scene, caller, callee):
    """And the next call is none the worse."""
    offer, answer = sdp(caller.address[0], audio(44000)), sdp(callee.address[0], audio(54000))
    out, back = establish(caller, callee, offer, answer, tag="again")
    scene.media(44000, 54000).assert_inbound_passes()
    hang_up(out, back.agent)
