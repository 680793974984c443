# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole calls: media passes for as long as the call lasts, between the two ends that agreed on it, and nothing else does."""

import pytest

from lab.conntrack import entries
from lab.ctl import Ctl
from lab.gateways import EVERY_GATEWAY, EVERY_WAY, IPV4_GATEWAYS, IPV4_WAYS
from lab.media import Flow, Port, Running
from lab.pinholes import pinholes
from lab.scene import PROBE, WIRE, Call, audio, establish, hang_up, sdp

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def start(scene, inside_port=40000, outside_port=50000, **options):
    """Inside calls peer. Returns both sides' Call and the media between them."""
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(inside_port, outside_port)
    media.assert_inbound_blocked()
    offer = sdp(caller.address[0], audio(inside_port))
    answer = sdp(callee.address[0], audio(outside_port))
    out, back = establish(caller, callee, offer, answer, **options)
    return out, back, media


@EVERY_GATEWAY
@TRANSPORTS
def test_a_call_opens_its_ports_and_bye_closes_them(make_scene, gateway, transport):
    scene = make_scene(**gateway, transport=transport)
    call, back, media = start(scene)
    # The 200 left the gateway after the pinholes were in the kernel, so there is nothing to wait for.
    media.assert_inbound_passes()
    scene.wait_open(40000)
    media.assert_passes()
    hang_up(call, back.agent)
    scene.wait_closed()
    media.assert_inbound_blocked()


@IPV4_WAYS
def test_pinholes_are_pinned_to_the_peer_and_say_whose_they_are(make_scene, gateway):
    scene = make_scene(**gateway)
    call, _, _ = start(scene)
    scene.wait_open(40000)
    for hole in pinholes(scene.lab.gateway):
        assert hole.remote == scene.lab.peer.ip4
        assert hole.proto == "udp"
        assert call.call_id in hole.comment
        assert "audio" in hole.comment
        assert 0 < hole.expires <= 120


@pytest.mark.parametrize("cuts", [(1,), (11, 12), (100, 200, 300), (400,)], ids=str)
@IPV4_GATEWAYS
def test_messages_in_several_segments(make_scene, gateway, cuts):
    scene = make_scene(**gateway, transport="tcp")
    call, back, media = start(scene, cuts=cuts)
    media.assert_passes()
    hang_up(call, back.agent)
    media.assert_inbound_blocked()


@EVERY_WAY
def test_a_call_from_outside_over_the_flow_of_a_registration(make_scene, gateway):
    scene = make_scene(**gateway)
    phone, server = scene.agent(scene.lab.inside), scene.agent(scene.lab.server)
    media = scene.media(40000, 50000)
    Call.outgoing(phone, server.uri, phone.connect(server.address)).request("REGISTER", extra=[("Expires", "300")])
    register = server.receive("REGISTER")
    server.reply(register, 200)
    phone.receive((200, "REGISTER"))

    call = Call.outgoing(server, register.uri("Contact"), register.source)
    call.request("INVITE", sdp(scene.lab.peer.address(scene.family), audio(50000)))
    invite = phone.receive("INVITE")
    media.assert_inbound_blocked()
    phone.reply(invite, 200, sdp(phone.address[0], audio(40000)), tag="u1")
    call.ack(server.receive((200, "INVITE")))
    phone.receive("ACK")
    media.assert_passes()
    hang_up(call, phone)
    media.assert_inbound_blocked()


@IPV4_WAYS
def test_offer_in_the_200_and_answer_in_the_ack(make_scene, gateway):
    scene = make_scene(**gateway)
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(40000, 50000)
    call = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    call.request("INVITE")
    invite = callee.receive("INVITE")
    callee.reply(invite, 200, sdp(callee.address[0], audio(50000)), tag="u1")
    response = caller.receive(200)
    media.assert_inbound_blocked()
    call.ack(response, sdp(caller.address[0], audio(40000)))
    callee.receive("ACK")
    media.assert_passes()
    hang_up(call, callee)
    media.assert_inbound_blocked()


@IPV4_WAYS
def test_early_media_passes_before_the_200(make_scene, gateway):
    scene = make_scene(**gateway)
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(40000, 50000)
    call = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    call.request("INVITE", sdp(caller.address[0], audio(40000)))
    invite = callee.receive("INVITE")
    media.assert_inbound_blocked()
    callee.reply(invite, 183, sdp(callee.address[0], audio(50000)), tag="u1")
    caller.receive(183)
    media.assert_inbound_passes()


@IPV4_WAYS
def test_a_declined_call_opens_nothing(make_scene, gateway):
    scene = make_scene(**gateway)
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(40000, 50000)
    call = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    call.request("INVITE", sdp(caller.address[0], audio(40000)))
    callee.reply(callee.receive("INVITE"), 603, tag="u1")
    call.ack(caller.receive(603))
    media.assert_inbound_blocked()
    scene.wait_closed()


@IPV4_WAYS
def test_cancel_closes_what_early_media_opened(make_scene, gateway):
    scene = make_scene(**gateway)
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(40000, 50000)
    call = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    call.request("INVITE", sdp(caller.address[0], audio(40000)))
    invite = callee.receive("INVITE")
    callee.reply(invite, 183, sdp(callee.address[0], audio(50000)), tag="u1")
    caller.receive(183)
    media.assert_inbound_passes()
    call.cancel()
    callee.reply(callee.receive("CANCEL"), 200)
    caller.receive((200, "CANCEL"))
    callee.reply(invite, 487, tag="u1")
    call.ack(caller.receive(487))
    callee.receive("ACK")
    scene.wait_closed()
    media.assert_inbound_blocked()


@pytest.mark.alone
@pytest.mark.parametrize("who", ["caller", "callee"])
@pytest.mark.parametrize("senders", ["outside sends on", "both send on"])
@TRANSPORTS
@IPV4_GATEWAYS
def test_not_one_packet_passes_after_the_bye(make_scene, gateway, transport, who, senders):
    scene = make_scene(**gateway, transport=transport)
    call, back, media = start(scene)
    media.assert_passes()
    first, other = (call, back) if who == "caller" else (back, call)
    bye_arrives_at = scene.tap(scene.lab.peer if who == "caller" else scene.lab.inside)
    flows = [media.inbound] if senders == "outside sends on" else [media.inbound, media.outbound]
    with Running(flows, interval=0.002) as running:
        running.wait_sent(100)
        hang_up(first, other.agent)
        running.wait_sent(200)
    bye = bye_arrives_at.time_of(b"BYE ")
    late_in = media.inbound_arrived(after=bye + WIRE)
    late_out = media.outbound_arrived(after=bye + WIRE)
    assert (len(late_in), len(late_out)) == (0, 0), "packets (in, out) passed after the BYE had"
    assert media.inbound_arrived(after=bye - 0.1), "media was not running when the BYE came"


@EVERY_WAY
def test_media_from_a_third_host_is_dropped(make_scene, gateway):
    scene = make_scene(**gateway)
    _, _, media = start(scene)
    media.assert_passes()
    third = Port(scene.lab.third, scene.lab.third.address(scene.family), 50000)
    Flow(third, media.shown).send(PROBE)
    third.close()
    assert scene.tap(scene.lab.inside).arrived(src=third.address) == []
    media.assert_passes()


@IPV4_WAYS
def test_the_peer_may_send_from_another_port_but_not_to_another(make_scene, gateway):
    scene = make_scene(**gateway)
    start(scene)
    from_elsewhere = scene.media(40001, 61000)
    from_elsewhere.assert_inbound_passes()
    to_elsewhere = scene.media(40002, 50000 + 2)
    to_elsewhere.assert_inbound_blocked()


@pytest.mark.parametrize("address,port", [("10.1.2.11", 40000), ("10.1.2.10", 500)], ids=["not the sender's", "protected"])
@IPV4_WAYS
def test_what_an_inside_host_may_not_ask_for_stays_shut(make_scene, gateway, address, port):
    scene = make_scene(**gateway)
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    host = scene.lab.inside if address == scene.lab.inside.ip4 else scene.lab.inside2
    media = scene.media(port, 50000, inside=host)
    establish(caller, callee, sdp(address, audio(port)), sdp(callee.address[0], audio(50000)))
    media.assert_inbound_blocked()
    assert (address, port) not in [(hole.inside, hole.port) for hole in pinholes(scene.lab.gateway)]


@IPV4_GATEWAYS
def test_ack_and_bye_in_one_segment_leave_nothing_behind(make_scene, gateway):
    """The ACK answers the offer of the 200 and so opens, and the BYE closes it at once: in one transaction, and no
    conntrack entry may be made for it afterwards.
    """
    scene = make_scene(**gateway, transport="tcp")
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    out = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    out.request("INVITE")
    invite = callee.receive("INVITE")
    callee.reply(invite, 200, sdp(callee.address[0], audio(50000)), tag="u1")
    accepted = caller.receive(200)

    def media_entries():
        return [entry for entry in entries(scene.lab.gateway) if {50000, 50001} & set(entry.original + entry.reply)]

    assert media_entries() == []
    ack = out.make_ack(accepted, sdp(caller.address[0], audio(40000)))
    caller.send((ack.text() + out.make("BYE").text()).encode(), out.to)
    callee.receive("ACK")
    callee.reply(callee.receive("BYE"), 200)
    caller.receive((200, "BYE"))
    assert (media_entries(), pinholes(scene.lab.gateway)) == ([], [])
    assert "OPENS" in Ctl(scene).run("explain", out.call_id), "nothing was opened that the BYE could close"
