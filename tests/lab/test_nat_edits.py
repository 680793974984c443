# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT over TCP: many edits, and edits of fields that lie in several segments. What arrives is compared with what
should arrive, byte for byte."""

import pytest

from lab.nat import OUTSIDE, call_out, offer
from lab.rewriting import changing_lines, names_said, rewritten
from lab.scene import sdp
from lab.sipua import Call
from lab.topology import LAN_HOSTS

INSIDE = LAN_HOSTS["inside"][0]
EDITS = 1000


def assert_changed(arrived, sent, names):
    """arrived: the message that sent was to become."""
    assert arrived.raw.decode() == rewritten(sent.text(), names)
    assert arrived.raw != sent.text().encode()
    return arrived


@pytest.mark.parametrize("shown", [OUTSIDE, "9.9.9.9"], ids=["growing", "shrinking"])
def test_a_thousand_edits_on_one_connection(make_scene, shown):
    """And more, for requests go both ways: the numbers of both sides drift apart, and not a byte is another."""
    advertised = {} if shown == OUTSIDE else {"nat.advertised_address": shown}
    scene = make_scene(nat=True, config={**advertised, "log.level": "info"})
    caller, callee, out, invite = call_out(scene, "tcp")
    back = Call.incoming(callee, invite, "p1")
    outward = {INSIDE: shown, f"{INSIDE}:5060": f"{shown}:5060"}
    inward = {after: before for before, after in outward.items()}
    for number in range(EDITS):
        sent = out.request("INVITE", offer(scene.lab.inside, 5350 + 2 * (number % 7)))
        again = assert_changed(callee.receive("INVITE"), sent, outward)
        sent = callee.reply(again, 200, offer(scene.lab.peer, 40000), tag="p1")
        answer = caller.receive(200)
        assert answer.raw == sent.text().encode(), "it names nothing of ours"
        sent = out.ack(answer)
        assert_changed(callee.receive("ACK"), sent, outward)
        sent = back.request("OPTIONS")
        question = assert_changed(caller.receive("OPTIONS"), sent, inward)
        sent = caller.reply(question, 200)
        assert_changed(callee.receive((200, "OPTIONS")), sent, outward)


def description(address, rtp, rtcp):
    return sdp(address, f"m=audio {rtp} RTP/AVP 0\r\na=rtcp:{rtcp}\r\na=rtpmap:0 PCMU/8000")


class Conversation:
    """Both ends of a TCP connection. Messages of either say what changes on the way: six fields, all of other lengths."""

    def __init__(self, scene):
        self.caller = scene.agent(scene.lab.inside, transport="tcp")
        self.callee = scene.agent(scene.lab.peer, transport="tcp")
        self.connection = self.caller.connect(self.callee.address)
        sent = self.outward()
        self.caller.send(sent, self.connection)
        arrived = self.callee.receive("INVITE")
        self.back = arrived.source
        self.shown = dict(zip(names_said(sent.text()), names_said(arrived.raw.decode())))
        self.contact = arrived.uri("Contact")
        self.public = [self.shown[name] for name in (INSIDE, "5350", "5351")]

    def outward(self):
        call = Call.outgoing(self.caller, self.callee.uri, None)
        return call.make("INVITE", description(INSIDE, 5350, 5351))

    def inward(self):
        """As when another inside host calls through a server: the peer offers what the inside host has announced."""
        return Call.outgoing(self.callee, self.contact, None).make("INVITE", description(*self.public))

    def side(self, direction):
        """What is sent, where, what of it changes, and who gets it."""
        if direction == "outward":
            changing = {name: self.shown[name] for name in (INSIDE, f"{INSIDE}:5060", "5350", "5351")}
            return self.outward, self.caller, self.connection, changing, self.callee
        uri = self.contact.partition("@")[2].partition(";")[0]
        changing = dict(zip([*self.public, uri], [INSIDE, "5350", "5351", f"{INSIDE}:5060"]))
        return self.inward, self.callee, self.back, changing, self.caller


@pytest.mark.parametrize("direction", ["outward", "inward"])
@pytest.mark.parametrize("segments", [1, 3, 9])
def test_cuts_at_every_position_of_what_changes(make_scene, segments, direction):
    """The first cut is at the position, the others follow byte by byte."""
    scene = make_scene(nat=True, config={"nat.keep_numbers": False, "nat.media_ports": "50000-50099", "log.level": "info"})
    make, sender, to, changing, receiver = Conversation(scene).side(direction)
    text = make().text()
    lines = changing_lines(text, changing)
    assert len(lines) == 6, "Contact or Request-URI, o=, c=, m=, a=rtcp and Content-Length"
    positions = sorted({at for first, end in lines for at in range(max(first, 1), end + 1)}) if segments > 1 else [0]
    tap = scene.tap(scene.lab.inside if direction == "outward" else scene.lab.peer)
    tap.forget()
    pieces = 0
    for position in positions:
        message = make()
        first = min(position, len(message.text()) - segments)
        sender.send(message, to, range(first, first + segments - 1), pause=0)
        assert_changed(receiver.receive("INVITE"), message, changing)
        pieces += segments
    assert len([packet for packet in tap.left(proto="tcp") if packet.payload]) >= pieces, "they were not cut as they should be"
