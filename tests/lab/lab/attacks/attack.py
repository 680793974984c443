# SPDX-License-Identifier: GPL-2.0-or-later
"""What an attack is, to the tests and to the table of tests/lab/attack."""

from dataclasses import dataclass, field
from typing import Callable, Optional

GATEWAYS = ("routed", "nat")


@dataclass(frozen=True)
class Attack:
    """act(Field): does it, and asserts that the signalling has reached its destination.

    alert: the metric that counts it; None for what is no attack to anybody who reads it right, and so is not told.
    names: the host of the Field that a line of the log must name; None where the alert is a counter alone.
    """

    name: str
    act: Callable
    alert: Optional[str] = None
    names: Optional[str] = "victim"
    gateways: tuple = GATEWAYS
    config: dict = field(default_factory=dict)


def cases(attacks):
    """(attack, gateway) pairs and their names, for pytest.mark.parametrize."""
    pairs = [(attack, gateway) for attack in attacks for gateway in attack.gateways]
    return {"argvalues": pairs, "ids": [f"{attack.name}-{gateway}".replace(" ", "-") for attack, gateway in pairs]}
