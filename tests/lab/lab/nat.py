# SPDX-License-Identifier: GPL-2.0-or-later
"""Inside hosts that are hidden behind the gateway's outside address, and their calls."""

import re

from lab import sdpview
from lab.scene import audio, sdp
from lab.sipua import Call
from lab.topology import GATEWAY_OUTSIDE

OUTSIDE = GATEWAY_OUTSIDE[0]


def offer(host, *ports):
    return sdp(host.ip4, *[audio(port) for port in ports])


def public_port(message):
    """The port of the first medium, as a session description announces it to the outside."""
    return sdpview.ports(message.body)[0]


def call_out(scene, transport="udp", port=5350, peer_port=40000, cuts=(), sip_port=5060):
    """An inside host calls the peer. Returns caller, callee, the caller's call, and the INVITE as the peer saw it."""
    caller = scene.agent(scene.lab.inside, sip_port, transport)
    callee = scene.agent(scene.lab.peer, transport=transport)
    out = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    out.request("INVITE", offer(scene.lab.inside, port), cuts=cuts)
    invite = callee.receive("INVITE")
    callee.reply(invite, 200, offer(scene.lab.peer, peer_port), tag="p1")
    out.ack(caller.receive(200))
    callee.receive("ACK")
    return caller, callee, out, invite


def register(client, server, expires=600):
    """A REGISTER and its answer. Returns the URI and the outside port that the server may call."""
    registration = Call.outgoing(client, server.uri, client.connect(server.address))
    registration.request("REGISTER", extra=[("Expires", str(expires))])
    asked = server.receive("REGISTER")
    contact = asked.get("Contact")
    assert client.address[0] not in contact
    server.reply(asked, 200, tag="r1", extra=[("Contact", f"{contact};expires={expires}")])
    answer = client.receive((200, "REGISTER"))
    own = [value for value in answer.all("Contact") if f"expires={expires}" in value]
    assert own and client.address[0] in own[0], "the client does not find its own Contact again"
    uri = asked.uri("Contact")
    return uri, int(re.search(r":(\d+)", uri.partition("@")[2]).group(1))
