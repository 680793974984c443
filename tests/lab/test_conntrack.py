# SPDX-License-Identifier: GPL-2.0-or-later
"""What others do to the table of conntrack."""

import contextlib

import pytest

from lab.namespaces import wait_until
from lab.nat import call_out
from lab.scene import PROBE, call_peer, hang_up


@pytest.mark.parametrize("nat", [False, True], ids=["routed", "nat"])
def test_media_goes_on_after_its_entries_were_removed(make_scene, nat):
    """Also where the inside host says nothing: what is dropped as new must not pass for admitted for ever."""
    scene = make_scene(nat=nat)
    out, back = call_peer(scene)
    scene.wait_open(40000)
    media = scene.media(40000, 50000)
    media.assert_inbound_passes()
    scene.lab.gateway.run("conntrack", "-F")
    arrived = media.probe(media.inbound, media.inbound_arrived)
    assert arrived >= PROBE - 2, f"{arrived} of {PROBE} packets from outside reached the inside host"
    media.assert_inbound_passes()
    hang_up(out, back.agent)
    media.assert_inbound_blocked()


@contextlib.contextmanager
def in_a_zone(scene):
    gateway = scene.lab.gateway
    gateway.nft("add table inet zones; add chain inet zones early { type filter hook prerouting priority raw; }; "
                "add rule inet zones early ct zone set 7")
    try:
        yield
    finally:
        gateway.nft("delete table inet zones")


def assert_told(scene):
    wait_until(lambda: "conntrack has no entry of it" in scene.daemon.log, 2, "nobody was told")


def test_zones_are_not_supported_and_the_operator_is_told(make_scene):
    scene = make_scene(transport="tcp")
    with in_a_zone(scene):
        call_peer(scene)
        assert_told(scene)


def test_in_a_zone_nothing_is_edited(make_scene):
    scene = make_scene(nat=True, transport="tcp")
    with in_a_zone(scene):
        *_, invite = call_out(scene, "tcp")
        assert scene.lab.inside.ip4 in invite.body
        assert_told(scene)
