# SPDX-License-Identifier: GPL-2.0-or-later
"""A short, fixed run of tests/lab/chaos, and the proof that its checker sees what it is there to see."""

import time

import pytest

from lab.chaos import CONFIG, Chaos, Violation
from lab.namespaces import CommandFailed
from lab.pinholes import pinholes

GATEWAYS = pytest.mark.parametrize("gateway", ["routed", "nat"])
# What others do to the table and its sets; the rest happens to the daemon.
OTHERS = ("flush_set", "flush_ports", "delete_element", "delete_table", "flush_ruleset")
OWN = ("kill", "restart", "stall", "reload", "reload_broken", "refuse", "change_address")
SECONDS = 7
SECONDS_AT_MOST = 60


def chaos_at(make_scene, gateway, seed, without=(), at_once=20):
    scene = make_scene(nat=gateway == "nat", config=CONFIG, daemon=False)
    return scene, Chaos(scene, seed, without, at_once)


@GATEWAYS
@pytest.mark.parametrize("faults", ["to the daemon", "by others"])
def test_a_short_run(make_scene, record_property, gateway, faults):
    _, chaos = chaos_at(make_scene, gateway, seed=6, without=OTHERS if faults == "to the daemon" else OWN)
    end = time.monotonic() + SECONDS_AT_MOST

    def enough():
        happened = chaos.calls >= 15 and sum(chaos.done.values()) >= 8 and chaos.packets > 200
        assert happened or time.monotonic() < end, chaos.account()
        return happened

    try:
        chaos.run(SECONDS, enough)
    except Violation as violation:
        raise AssertionError(f"{violation}\n{chaos.account()}") from None
    record_property("account", chaos.account())
    if faults == "to the daemon":
        # Of all calls together, at each new table: what was under way in the one or two milliseconds that it takes. And of a
        # call that was refused its pinholes.
        assert chaos.lost_in_cuts <= 20 * sum(chaos.done[name] for name in ("kill", "restart", "refuse")), chaos.account()


@pytest.mark.parametrize("trouble", ["surplus", "missing", "nameless"])
def test_the_checker_sees_what_is_wrong(make_scene, trouble):
    """Without a daemon nobody repairs what is done to its sets."""
    scene, chaos = chaos_at(make_scene, "routed", 1, without=OTHERS + OWN[:-1], at_once=4)
    for _ in range(2):
        chaos.begin_call()
    assert chaos.difference() == []
    scene.daemon.kill()
    hole = pinholes(scene.lab.gateway)[0]
    key = f"{hole.remote} . {hole.inside} . {hole.proto} . {hole.port}"

    def nft(verb, element):
        try:
            scene.lab.gateway.run("nft", verb, "element", "inet", "messenger_alg", "pinholes4", f"{{ {element} }}")
        except CommandFailed as failure:
            raise AssertionError(str(failure)) from None

    if trouble == "surplus":
        nft("add", f'{hole.remote} . {hole.inside} . udp . 33333 timeout 60s comment "{hole.comment}"')
    else:
        nft("delete", key)
    if trouble == "nameless":
        nft("add", f"{key} timeout 60s")
    (wrong,) = chaos.difference()
    assert {"surplus": "open without a call", "missing": "lacks", "nameless": "is not named"}[trouble] in wrong
