# SPDX-License-Identifier: GPL-2.0-or-later
"""What keeps admitted flows out of the queue: a set that holds them for as long as their call, and for no longer."""

import json
import time

import pytest

from lab.ctl import Ctl
from lab.scene import call_peer, hang_up

TABLE = ("inet", "messenger_alg")
SET_SIZE = 4 * 262144  # of this one


def admitted(gateway):
    listing = json.loads(gateway.nft(f"list set {' '.join(TABLE)} admitted4", as_json=True))
    return [element for one in listing["nftables"] for element in one.get("set", {}).get("elem", [])]


def counters(scene):
    return Ctl(scene).json("status")["counters"]


@pytest.mark.parametrize("nat", [False, True], ids=["routed", "nat"])
def test_it_ends_with_the_call(make_scene, nat):
    """Or calls that come and go fill the set."""
    scene = make_scene(nat=nat)
    out, back = call_peer(scene)
    scene.wait_open(40000)
    media = scene.media(40000, 50000)
    media.assert_passes()
    assert len(admitted(scene.lab.gateway)) == 4, "RTP and RTCP, in both directions"
    hang_up(out, back.agent)
    scene.wait_closed()
    assert admitted(scene.lab.gateway) == []
    media.assert_inbound_blocked()


def test_there_is_room_for_all_pinholes_that_the_configuration_allows(make_scene):
    scene = make_scene(config={"limits.pinholes": 300_000})
    sizes = {}
    for item in json.loads(scene.lab.gateway.nft(f"list table {' '.join(TABLE)}", as_json=True))["nftables"]:
        if "set" in item:
            sizes[item["set"]["name"]] = item["set"]["size"]
    assert sizes["pinholes4"] == sizes["open6"] == sizes["received4"] > 300_000, "and those closed in the same transaction"
    assert sizes["admitted4"] == sizes["admitted6"] == 4 * sizes["pinholes4"]


@pytest.mark.alone
def test_the_set_is_full(make_scene):
    """Calls get their pinholes and media passes by the queue. The kernel is not asked in vain with each call: it refuses
    the whole transaction, and gives it up slowly.
    """
    scene = make_scene()
    scene.daemon.stop()
    tuples = (f"10.{200 + (i >> 16)}.{i >> 8 & 255}.{i & 255} . 10.8.0.1 . udp . 9 . 9 timeout 10m"
              for i in range(SET_SIZE))
    scene.lab.gateway.run("nft", "-f", "-", stdin=f"add element {' '.join(TABLE)} admitted4 {{ {','.join(tuples)} }}\n")
    scene.daemon.start()
    calls = []
    begun = time.monotonic()
    for i in range(5):
        agents = (calls[0][0].agent, calls[0][1].agent) if calls else None
        calls.append(call_peer(scene, 40000 + 10 * i, f"u{i}", agents))
    took = time.monotonic() - begun
    scene.wait_open(*(40000 + 10 * i for i in range(5)))
    assert 1 <= counters(scene)["no_room"] <= 1 + took
    media = scene.media(40000, 50000)
    media.assert_passes()
    assert counters(scene)["admitted"] >= 1, "what is not in the set comes through the queue"
    assert counters(scene)["failures"] == 0
    # The lab lists all tables when it is through, which takes the kernel minutes for a set of this size.
    scene.lab.gateway.nft(f"flush set {' '.join(TABLE)} admitted4")
    for out, back in reversed(calls):
        hang_up(out, back.agent)
    scene.wait_closed()
