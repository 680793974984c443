# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages that name somebody else, or a port that no call may have: nothing leads there."""

import pytest

from lab import tcp
from lab.attacks.addresses import ATTACKS, OTHER_HOST, own_callbacks
from lab.attacks.attack import cases
from lab.attacks.field import ATTACKER_MEDIA, VICTIM_MEDIA, Field, callbacks, data_of, openings
from lab.attacks.trial import repel
from lab.scene import audio, sdp

GATEWAYS = pytest.mark.parametrize("gateway", ["routed", "nat"])


@pytest.mark.parametrize("attack,gateway", **cases(ATTACKS))
def test_attack(make_scene, attack, gateway):
    repel(make_scene, attack, gateway)


@GATEWAYS
def test_the_victims_own_address_opens(make_scene, gateway):
    """The control: the same exchange, with nothing in it that is somebody else's."""
    field = Field(make_scene(nat=gateway == "nat"))
    invite = field.request("INVITE", "own", sdp(field.victim.ip4, audio(VICTIM_MEDIA)), transport="UDP")
    _, source = field.datagram(data_of(invite))
    field.answer_datagram(data_of(field.response(invite)), source)
    pair = {(field.attacker.ip4, field.victim.ip4, "udp", VICTIM_MEDIA + more) for more in (0, 1)}
    assert openings(field.lab.gateway) == pair
    field.scene.media(VICTIM_MEDIA, ATTACKER_MEDIA, outside=field.attacker).assert_inbound_passes()


@GATEWAYS
@pytest.mark.parametrize("line", ["m=audio {} TCP/RTP/AVP 0", "m=application 1503 tcp msdata"])
def test_a_candidate_opens_no_tcp(make_scene, gateway, line):
    """T.120's port is 1503 and no other, whatever stands in the lines below."""
    field = Field(make_scene(nat=gateway == "nat"))

    def described(address, number):
        medium = line.format(number) + f"\r\na=candidate:1 1 UDP 2130706431 {address} {number} typ host"
        return sdp(address, medium)

    invite = field.request("INVITE", "tcp", described(field.victim.ip4, VICTIM_MEDIA), transport="UDP")
    _, source = field.datagram(data_of(invite))
    field.answer_datagram(data_of(field.response(invite, body=described(field.attacker.ip4, ATTACKER_MEDIA))), source)
    sharing = {(field.attacker.ip4, field.victim.ip4, "tcp", 1503)}
    # A candidate beside a default that is none of ours gets no number outside.
    candidate = set() if gateway == "nat" else {(field.attacker.ip4, field.victim.ip4, "udp", VICTIM_MEDIA)}
    assert openings(field.lab.gateway) == (sharing if "msdata" in line else candidate)


@GATEWAYS
def test_a_relay_that_the_operator_has_listed_may_name_others(make_scene, gateway):
    """The one exception, and its control: with network.relays the same message opens what it names."""
    field = Field(make_scene(nat=gateway == "nat", config={"network.relays": ["10.1.2.10"]}))
    invite = field.request("INVITE", "relay", sdp(OTHER_HOST, audio(VICTIM_MEDIA)), transport="UDP")
    _, source = field.datagram(data_of(invite))
    field.answer_datagram(data_of(field.response(invite)), source)
    pair = {(field.attacker.ip4, OTHER_HOST, "udp", VICTIM_MEDIA + more) for more in (0, 1)}
    assert openings(field.lab.gateway) == pair


@GATEWAYS
@pytest.mark.parametrize("number", [22, 445, 3389, 5070])
def test_nobody_reaches_a_port_by_a_contact(make_scene, gateway, number):
    """A server of the attacker's registers the victim at that port, then tries it and its neighbours."""
    scene = make_scene(nat=gateway == "nat")
    field = Field(scene)
    for host in (field.victim, field.other):
        scene.keep(tcp.Listener(host, number))
    asked = field.request("REGISTER", "contact", extra=[("Expires", "600")], transport="UDP")
    uri = f"<sip:victim@{OTHER_HOST}:{number};transport=tcp>"
    asked.headers = [(name, uri if name == "Contact" else value) for name, value in asked.headers]
    _, source = field.datagram(data_of(asked))
    answer = field.response(asked, body="")
    answer.headers = [(name, f"{uri};expires=600" if name == "Contact" else value) for name, value in answer.headers]
    field.answer_datagram(data_of(answer), source)
    assert callbacks(scene.lab.gateway) == own_callbacks(field) != set()
    for address in (field.victim.ip4, OTHER_HOST, scene.outside_address):
        assert tcp.is_blocked(field.attacker, (address, number)), f"{address} {number} was reached"
