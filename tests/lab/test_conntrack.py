# SPDX-License-Identifier: GPL-2.0-or-later
"""What others do to the table of conntrack."""

import pytest

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
