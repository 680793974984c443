# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT: an office of two phones (baresip) and one outside, all registered with a Kamailio outside.

What the two inside phones say to each other goes from one to the other: the gateway's interfaces count nothing but SIP.
"""

import json
import time

import pytest

from lab import sound
from lab.baresip import Baresip
from lab.kamailio import Kamailio
from lab.namespaces import wait_until
from lab.tap import Tap
from test_baresip import SOUNDS, assert_both_heard, talk

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])
RTP_PER_CALL = 150  # each way at least; 50 packets a second, and a call lasts for four seconds
SIP_PER_CALL = 60  # packets at most, acknowledgements and registrations included
REFRESH = 10  # seconds that a registration is asked for; baresip asks anew a tenth before the end


class Phones:
    """inside and inside2 at the office, peer outside. Each plays what the one that it talks to does not."""

    def __init__(self, scene, transport, regint=600):
        self.scene = scene
        self.lab = scene.lab
        self.registrar = scene.keep(Kamailio(scene.lab, authenticate=True))
        lab = scene.lab
        places = ((lab.inside, "inside", 41000), (lab.inside2, "outside", 42000), (lab.peer, "outside", 51000))
        self.inside, self.inside2, self.peer = (
            self._phone(host, plays, port, transport, regint) for host, plays, port in places
        )
        for phone in (self.inside, self.inside2, self.peer):
            phone.wait_registered()

    def _phone(self, host, plays, port, transport, regint):
        path = f"{self.lab.directory}/{host.host}.wav"
        sound.write(path, SOUNDS[plays])
        return self.scene.keep(
            Baresip(self.lab, host, 4, path, port, transport, self.lab.server, regint=regint)
        )


def packets(host, interface):
    """(received, sent) on an interface, as the kernel counts them."""
    stats = json.loads(host.ip("-s", "-j", "link", "show", interface))[0]["stats64"]
    return stats["rx"]["packets"], stats["tx"]["packets"]


class Counters:
    """How many packets each interface has seen since this was made."""

    def __init__(self, lab):
        self._places = {
            "gateway inside": (lab.gateway, "inside"),
            "gateway outside": (lab.gateway, "outside"),
            "inside": (lab.inside, "eth0"),
            "inside2": (lab.inside2, "eth0"),
        }
        self._before = {name: packets(*place) for name, place in self._places.items()}

    def since(self):
        after = {name: packets(*place) for name, place in self._places.items()}
        return {name: tuple(now - then for now, then in zip(after[name], self._before[name])) for name in after}


@TRANSPORTS
@pytest.mark.parametrize("caller", ["inside", "inside2"])
def test_two_inside_phones_talk_directly(make_scene, transport, caller):
    scene = make_scene(nat=True, transport=transport)
    phones = Phones(scene, transport)
    taps = {side: scene.keep(Tap(scene.lab.gateway, side)) for side in ("inside", "outside")}
    first, second = (phones.inside, phones.inside2) if caller == "inside" else (phones.inside2, phones.inside)
    counters = Counters(scene.lab)
    talk(first, second)
    counted = counters.since()
    assert_both_heard(phones.inside, phones.inside2)
    for host in ("inside", "inside2"):
        assert min(counted[host]) >= RTP_PER_CALL, counted
    for side in ("gateway inside", "gateway outside"):
        assert max(counted[side]) <= SIP_PER_CALL, counted
    for side, tap in taps.items():
        media = tap.packets(lambda p: p.proto == "udp" and 5060 not in (p.sport, p.dport) and p.payload[:1] == b"\x80")
        assert not media, f"{len(media)} RTP packets at the gateway's {side}, such as {media[0]}"
    scene.wait_closed()


@TRANSPORTS
@pytest.mark.parametrize("direction", ["out", "in"])
@pytest.mark.parametrize("office", ["inside", "inside2"])
def test_the_outside_phone_calls_and_is_called(make_scene, transport, direction, office):
    """Both inside phones listen on port 5060: to the outside one of them has another."""
    scene = make_scene(nat=True, transport=transport)
    phones = Phones(scene, transport)
    phone = getattr(phones, office)
    counters = Counters(scene.lab)
    talk(*((phone, phones.peer) if direction == "out" else (phones.peer, phone)))
    counted = counters.since()
    assert min(counted["gateway outside"]) >= RTP_PER_CALL, counted
    if office == "inside":
        assert_both_heard(phone, phones.peer)
    scene.wait_closed()


@TRANSPORTS
def test_registrations_are_refreshed(make_scene, transport):
    """A call comes in long after the first registration has ended."""
    scene = make_scene(nat=True, transport=transport)
    tap = scene.tap(scene.lab.server)
    phones = Phones(scene, transport, regint=REFRESH)
    begun = time.time()

    def registered(name):
        """Answers of the registrar that name the binding of a user, since all were registered."""
        answers = tap.packets(lambda p: p.sent and p.time > begun and p.payload.startswith(b"SIP/2.0 200 "))
        return [p for p in answers if f"<sip:{name}@".encode() in p.payload and b"REGISTER" in p.payload]

    for name in ("inside", "inside2"):
        wait_until(lambda: len(registered(name)) >= 2, 5 * REFRESH, f"{name} to register twice more", step=0.2)
    assert time.time() - begun > REFRESH
    talk(phones.peer, phones.inside)
    talk(phones.inside, phones.inside2)
    assert not [p for p in tap.packets(lambda p: p.sent) if p.payload.startswith(b"SIP/2.0 404 ")]
    scene.wait_closed()
