# SPDX-License-Identifier: GPL-2.0-or-later
"""One attack against the real daemon, beside an honest call."""

from lab.attacks.field import Field, HonestCall


def repel(make_scene, attack, gateway):
    """Does the attack and asserts that it came to nothing. The honest call proves that this very set-up opens what
    calls need, and has it unharmed afterwards."""
    scene = make_scene(nat=gateway == "nat", config=attack.config)
    field = Field(scene)
    field.call = HonestCall(field)
    field.remember()
    attack.act(field)
    field.assert_repelled(attack.alert, attack.names and getattr(field, attack.names).ip4)
    field.call.assert_unharmed()
    field.call.end()
    return field
