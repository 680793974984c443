# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes that look like SIP to whoever looks at packets: nothing is opened, all of them arrive, the operator is told."""

import pytest

from lab.attacks.attack import cases
from lab.attacks.field import ATTACKER_MEDIA, KEEP_ALIVE, VICTIM_MEDIA, Field, data_of, openings
from lab.attacks.streams import ATTACKS
from lab.attacks.trial import repel


@pytest.mark.parametrize("attack,gateway", **cases(ATTACKS))
def test_attack(make_scene, attack, gateway):
    repel(make_scene, attack, gateway)


@pytest.mark.parametrize("gateway", ["routed", "nat"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_the_same_messages_in_their_right_place_open(make_scene, gateway, transport):
    """The control: it is only where these bytes stand that makes them an attack."""
    field = Field(make_scene(nat=gateway == "nat"))
    invite = field.invite(transport=transport.upper())
    if transport == "tcp":
        here, there = field.connect()
        field.pass_through(here, there, data_of(invite), end=KEEP_ALIVE)
        field.pass_through(there, here, data_of(field.response(invite)), end=KEEP_ALIVE)
    else:
        _, source = field.datagram(data_of(invite))
        field.answer_datagram(data_of(field.response(invite)), source)
    pair = {(field.attacker.ip4, field.victim.ip4, "udp", VICTIM_MEDIA + more) for more in (0, 1)}
    assert openings(field.lab.gateway) == pair
    field.scene.media(VICTIM_MEDIA, ATTACKER_MEDIA, outside=field.attacker).assert_inbound_passes()
