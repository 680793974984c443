# SPDX-License-Identifier: GPL-2.0-or-later
"""baresip calls baresip with sound in both directions; what each heard is compared with what the other played."""

import time

import pytest

from lab import sound
from lab.baresip import Baresip
from lab.gateways import EVERY_GATEWAY, IPV4_GATEWAYS
from lab.kamailio import Kamailio

SOUNDS = {
    "inside": (500, 900, 1300, 1700, 2100, 2500) * 8,
    "outside": (700, 1100, 1500, 1900, 2300) * 10,
}
TALK = 4.0
# 20 tones fit into the call. Some are lost to its beginning, when baresip still fills its jitter buffer.
ENOUGH = 10
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def heard(phone):
    """The tones of what a phone recorded, split by who played them."""
    recording = phone.recording()
    tones = sound.recognise(recording) if recording else []
    return sound.longest_piece(tones, SOUNDS["inside"]), sound.longest_piece(tones, SOUNDS["outside"])


def phones(scene, registrar=None, transport="udp"):
    made = []
    for host, name, port in ((scene.lab.inside, "inside", 41000), (scene.lab.peer, "outside", 51000)):
        path = f"{scene.lab.directory}/{name}.wav"
        sound.write(path, SOUNDS[name])
        phone = Baresip(scene.lab, host, scene.family, path, port, transport, registrar)
        made.append(scene.keep(phone))
        if registrar:
            phone.wait_registered()
    return made


def talk(caller, callee):
    caller.command("dial", callee.uri)
    caller.wait_event("CALL_ESTABLISHED")
    callee.wait_event("CALL_ESTABLISHED")
    time.sleep(TALK)
    caller.command("hangup")
    callee.wait_event("CALL_CLOSED")
    time.sleep(0.3)


def assert_both_heard(inside, outside):
    from_inside, from_outside = heard(inside)
    assert from_outside >= ENOUGH, f"inside heard {from_outside} tones of outside's\n{inside.log[-2000:]}"
    assert from_inside <= 1
    from_inside, from_outside = heard(outside)
    assert from_inside >= ENOUGH, f"outside heard {from_inside} tones of inside's\n{outside.log[-2000:]}"
    assert from_outside <= 1


@EVERY_GATEWAY
@TRANSPORTS
def test_both_hear_each_other(make_scene, gateway, transport):
    scene = make_scene(**gateway, transport=transport)
    inside, outside = phones(scene, transport=transport)
    talk(inside, outside)
    assert_both_heard(inside, outside)
    scene.wait_closed()


@TRANSPORTS
@pytest.mark.parametrize("direction", ["out", "in"])
@IPV4_GATEWAYS
def test_both_hear_each_other_through_an_authenticating_proxy(make_scene, gateway, transport, direction):
    scene = make_scene(**gateway, transport=transport)
    scene.keep(Kamailio(scene.lab, authenticate=True))
    inside, outside = phones(scene, scene.lab.server, transport)
    talk(*((inside, outside) if direction == "out" else (outside, inside)))
    assert_both_heard(inside, outside)
    scene.wait_closed()


def mute_on_the_wire(host):
    """Nothing of the inside phone's RTP gets further than the gateway, so no packet of its own opens the firewall for it."""
    rule = "add rule inet mute output udp sport 41000-41010 ip ttl set 1"
    chain = "add chain inet mute output { type filter hook output priority 0; }"
    host.run("nft", "-f", "-", stdin=f"add table inet mute\n{chain}\n{rule}\n")


def listen_only(scene):
    mute_on_the_wire(scene.lab.inside)
    inside, outside = phones(scene)
    talk(inside, outside)
    assert heard(outside) == (0, 0)
    return heard(inside)[1]


def test_the_inside_phone_hears_without_having_sent(make_scene):
    assert listen_only(make_scene()) >= ENOUGH


def test_without_a_daemon_it_hears_nothing(make_scene):
    assert listen_only(make_scene(daemon=False)) == 0


def test_sound_needs_no_daemon_where_nothing_is_blocked(make_scene):
    """The phones and the recognition of sound alone; a failure here says nothing about the daemon."""
    scene = make_scene(daemon=False, permissive=True)
    inside, outside = phones(scene)
    talk(inside, outside)
    assert_both_heard(inside, outside)


@TRANSPORTS
@pytest.mark.parametrize("direction", ["out", "in"])
def test_registered_calls_need_no_daemon_where_nothing_is_blocked(make_scene, transport, direction):
    scene = make_scene(transport=transport, daemon=False, permissive=True)
    scene.keep(Kamailio(scene.lab, authenticate=True))
    inside, outside = phones(scene, scene.lab.server, transport)
    talk(*((inside, outside) if direction == "out" else (outside, inside)))
    assert_both_heard(inside, outside)
