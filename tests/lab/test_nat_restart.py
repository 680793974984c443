# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT: TCP connections whose messages were edited, when the daemon stops, crashes, starts."""

import time

import pytest

from lab.ctl import Ctl
from lab.nat import call_out, register
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


def test_a_port_taken_out_of_the_configuration_resets_edited_connections_at_once(make_scene):
    """Nobody translates their numbers any more; until the guard says so, their clients would wait."""
    scene = make_scene(nat=True, transport="tcp")
    _, _, out, _ = call_out(scene, "tcp")
    scene.daemon.stop()
    scene.daemon.configure({"sip.ports": [5070]})
    scene.daemon.start()
    with pytest.raises(ConnectionError):
        for _ in range(5):
            out.request("BYE")
            time.sleep(0.2)
    assert "their port is none of sip.ports any more" in scene.daemon.log


def test_a_crash_with_the_daemon_back_before_anybody_speaks(make_scene):
    scene = make_scene(nat=True, transport="tcp")
    _, callee, out, _ = call_out(scene, "tcp")
    scene.daemon.kill()
    scene.daemon.start()
    assert_reset(out, callee)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_start_without_nat_keeps_who_may_call_back(make_scene, end):
    """A registered client is no reason not to start: what stands for it outside goes, its own endpoint stays."""
    scene = make_scene(nat=True, transport="tcp")
    client = scene.agent(scene.lab.inside, 5062, "tcp")
    register(client, scene.agent(scene.lab.server, transport="tcp"))
    getattr(scene.daemon, end)()
    scene.daemon.configure({"nat.interfaces": None})
    scene.daemon.start()
    answer = Ctl(scene).json("bindings")
    (callback,) = answer["callbacks"]
    assert callback["inside"] == "10.1.2.10:5062" and "outside" not in callback
    assert answer["bindings"] == []


def test_a_start_with_another_outside_interface(make_scene):
    scene = make_scene(nat=True, two_ways=True, transport="tcp", config={"nat.interfaces": ["outside"]})
    client = scene.agent(scene.lab.inside, 5062, "tcp")
    register(client, scene.agent(scene.lab.server, transport="tcp"))
    scene.daemon.stop()
    scene.daemon.configure({"nat.interfaces": ["outside2"]})
    scene.daemon.start()
    assert len(Ctl(scene).json("bindings")["callbacks"]) == 1
