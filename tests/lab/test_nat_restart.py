# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT: TCP connections whose messages were edited, when the daemon stops, crashes, starts."""

import time

import pytest

from lab.nat import call_out
from lab.scene import hang_up


def assert_reset(out, callee):
    """Both ends learn at once that the connection is gone."""
    with pytest.raises((ConnectionError, AssertionError)):
        out.request("BYE")
        time.sleep(0.2)
        out.request("BYE")
        callee.receive("BYE", 1)


def test_an_orderly_restart_keeps_edited_connections(make_scene):
    scene = make_scene(nat=True, transport="tcp")
    _, callee, out, _ = call_out(scene, "tcp")
    media = scene.media(5350, 40000)
    media.assert_inbound_passes()
    scene.daemon.stop()
    scene.daemon.start()
    media.assert_inbound_passes()
    hang_up(out, callee)  # over the same connection
    scene.wait_closed()


def test_a_crash_resets_edited_connections_at_once(make_scene):
    scene = make_scene(nat=True, transport="tcp")
    caller, callee, out, _ = call_out(scene, "tcp")
    scene.daemon.kill()
    assert_reset(out, callee)
    scene.daemon.start()
    caller.forget_connections()
    callee.forget_connections()
    # A new connection works, and the call's media went on meanwhile.
    scene.media(5350, 40000).assert_inbound_passes()
    out.to = caller.connect(callee.address)
    hang_up(out, callee)


def test_a_crash_with_the_daemon_back_before_anybody_speaks(make_scene):
    scene = make_scene(nat=True, transport="tcp")
    _, callee, out, _ = call_out(scene, "tcp")
    scene.daemon.kill()
    scene.daemon.start()
    assert_reset(out, callee)
