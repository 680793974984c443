# SPDX-License-Identifier: GPL-2.0-or-later
"""passage = "mark": one rule of the operator's accepts what the daemon has marked."""

from lab.firewall import MARK_RULE
from lab.scene import audio, establish, hang_up, sdp

CONFIG = {"passage.mode": "mark"}


def start(scene):
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(40000, 50000)
    media.assert_inbound_blocked()
    call, back = establish(caller, callee, sdp(caller.address[0], audio(40000)), sdp(callee.address[0], audio(50000)))
    return call, back, media


def test_the_operators_rule_lets_the_call_through(make_scene):
    scene = make_scene(config=CONFIG, extra_rule=MARK_RULE)
    call, back, media = start(scene)
    media.assert_passes()
    hang_up(call, back.agent)
    scene.wait_closed()
    media.assert_inbound_blocked()


def test_without_the_rule_nothing_passes(make_scene):
    scene = make_scene(config=CONFIG)
    _, _, media = start(scene)
    scene.wait_open(40000)
    media.assert_inbound_blocked()


def test_it_works_with_the_daemon_stopped(make_scene):
    scene = make_scene(config=CONFIG, extra_rule=MARK_RULE)
    _, _, media = start(scene)
    scene.daemon.kill()
    media.assert_passes()
