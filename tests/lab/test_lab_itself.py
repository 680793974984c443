# SPDX-License-Identifier: GPL-2.0-or-later
"""Control experiments without the daemon: the checks of the other tests can fail, and the firewall is why media is blocked."""

import os
import subprocess
import sys
import time

import pytest

from lab import namespaces
from lab.scene import audio, establish, hang_up, sdp
from lab.topology import Lab

FAMILIES = pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def call_with_media(scene):
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(40000, 50000)
    offer = sdp(caller.address[0], audio(40000))
    answer = sdp(callee.address[0], audio(50000))
    call, _ = establish(caller, callee, offer, answer)
    return call, callee, media


@FAMILIES
@TRANSPORTS
def test_firewall_passes_signalling_and_blocks_media(make_scene, family, transport):
    scene = make_scene(family=family, transport=transport, daemon=False)
    call, callee, media = call_with_media(scene)
    media.assert_inbound_blocked()
    hang_up(call, callee)


@FAMILIES
def test_without_a_firewall_media_passes(make_scene, family):
    scene = make_scene(family=family, daemon=False, permissive=True)
    media = scene.media(40000, 50000)
    media.assert_passes()


def test_firewall_lets_replies_in_once_the_inside_host_has_sent(make_scene):
    """Why every test sends from outside first."""
    scene = make_scene(daemon=False)
    media = scene.media(40000, 50000)
    media.assert_inbound_blocked()
    media.outbound.send(1)
    media.assert_inbound_passes()


def test_signalling_into_the_network_is_blocked_without_a_flow(make_scene):
    scene = make_scene(daemon=False)
    inside, outside = scene.agent(scene.lab.inside), scene.agent(scene.lab.server)
    with pytest.raises(AssertionError, match="no INVITE"):
        establish(outside, inside, sdp(outside.address[0], audio(50000)), "")


def test_a_changed_firewall_is_noticed(make_scene):
    scene = make_scene(daemon=False)
    scene.lab.gateway.run("nft", "add", "rule", "inet", "filter", "forward", "udp", "dport", "40000", "accept")
    with pytest.raises(AssertionError, match="was changed"):
        scene.firewall.assert_untouched()
    scene.firewall.reload()


def test_a_foreign_table_is_noticed(make_scene):
    scene = make_scene(daemon=False)
    scene.lab.gateway.run("nft", "add", "table", "ip", "elsewhere")
    with pytest.raises(AssertionError, match="nobody asked for"):
        scene.firewall.assert_untouched()
    scene.firewall.reload()


def test_segments_are_cut_where_the_test_says(make_scene):
    scene = make_scene(transport="tcp", daemon=False)
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    tap = scene.tap(scene.lab.peer)
    offer = sdp(caller.address[0], audio(40000))
    establish(caller, callee, offer, sdp(callee.address[0], audio(50000)), cuts=(5, 90))
    pieces = [p.payload for p in tap.arrived(dst=callee.address, proto="tcp") if p.payload]
    assert [len(piece) for piece in pieces[:2]] == [5, 85]
    assert pieces[0] == b"INVIT"


def namespaces_of(pid):
    names = [line.split()[0] for line in namespaces.run("ip", "netns", "list").splitlines()]
    return [name for name in names if name.startswith(f"{namespaces.PREFIX}-{pid}-")]


def test_the_lab_leaves_nothing_behind():
    with Lab() as lab:
        server = lab.peer.popen(["sleep", "60"])
        assert namespaces_of(os.getpid())
    assert namespaces_of(os.getpid()) == []
    assert server.wait(5) != 0


# Started in the background, a shell has it ignore SIGINT, and its children inherit that.
OTHER_RUN = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, sys.argv[1])
from lab.topology import Lab
with Lab() as lab:
    lab.peer.popen(["sleep", "60"])
    print("made", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", ["interrupt", "terminate", "kill"])
def test_an_ended_run_leaves_nothing_for_the_next_one(how):
    here = os.path.dirname(os.path.abspath(__file__))
    other = subprocess.Popen([sys.executable, "-c", OTHER_RUN, here], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert other.stdout.readline() == b"made\n"
    assert namespaces_of(other.pid)
    if how == "interrupt":
        other.send_signal(2)
    elif how == "terminate":
        other.terminate()
    else:
        other.kill()
    other.wait(10)
    if how == "kill":
        namespaces.remove_leftovers()
    time.sleep(0.1)
    assert namespaces_of(other.pid) == []
