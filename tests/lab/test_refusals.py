# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel refuses transactions for a while, as when it has no memory, or when another one was quicker: signalling
passes, nothing is half done, and when it takes them again it has what the calls need within a moment.
"""

import errno
import os
import time

import pytest

from lab.ctl import Ctl
from lab.gateways import IPV4_GATEWAYS
from lab.media import Running
from lab.namespaces import wait_until
from lab.pinholes import open_ports, pinholes, table_exists
from lab.refusal import Refusal
from lab.scene import call_peer, hang_up

BACK_WITHIN = 2.0
CODES = pytest.mark.parametrize("code", [errno.ENOMEM, errno.ENOBUFS, errno.ERESTART, errno.EBUSY],
                                ids=errno.errorcode.get)


@pytest.fixture
def make_refused(make_scene):
    """make_refused(**arguments of Scene): the scene, and how to have its daemon refused."""

    def make(**arguments):
        scene = make_scene(daemon=False, **arguments)
        refusal = Refusal(scene.lab.directory)
        scene.start_daemon(through=refusal.through)
        return scene, refusal

    return make


@CODES
@IPV4_GATEWAYS
def test_what_could_not_be_opened(make_refused, gateway, code):
    """Its messages pass all the same, a running call's media goes on, and it is opened when it can be."""
    scene, refusal = make_refused(**gateway)
    first, first_back = call_peer(scene)
    media = scene.media(40000, 50000)
    media.assert_passes()
    agents = first.agent, first_back.agent
    with Running([media.inbound, media.outbound]) as running:
        with refusal.of_everything(code):
            running.wait_sent(10)
            second, second_back = call_peer(scene, 42000, "u2", agents)
            assert open_ports(scene.lab.gateway) == scene.inside_ports(40000), "nothing of it by halves"
            assert Ctl(scene).json("status")["counters"]["failures"] >= 1
            assert os.strerror(code) in scene.daemon.log
            running.wait_sent(10)
        scene.wait_open(40000, 42000, seconds=BACK_WITHIN)
        running.wait_sent(10)
    assert media.counts()[0] == media.inbound.sent, "of the call that was there"
    scene.media(42000, 52000).assert_passes()
    hang_up(second, second_back.agent)
    hang_up(first, first_back.agent)
    scene.wait_closed()


@IPV4_GATEWAYS
def test_what_could_not_be_closed(make_refused, gateway):
    scene, refusal = make_refused(**gateway)
    out, back = call_peer(scene)
    media = scene.media(40000, 50000)
    media.assert_passes()
    with refusal.of_everything():
        hang_up(out, back.agent)
    scene.wait_closed(BACK_WITHIN)
    media.assert_inbound_blocked()


@IPV4_GATEWAYS
def test_a_call_that_has_come_and_gone_meanwhile(make_refused, gateway):
    """Nothing of it is opened afterwards."""
    scene, refusal = make_refused(**gateway)
    with refusal.of_everything():
        out, back = call_peer(scene)
        hang_up(out, back.agent)
    deadline = time.monotonic() + BACK_WITHIN
    while time.monotonic() < deadline:
        assert pinholes(scene.lab.gateway) == []
        time.sleep(0.05)
    agents = out.agent, back.agent
    call_peer(scene, 44000, "u2", agents)
    scene.wait_open(44000)


def test_a_single_refusal(make_refused):
    """As of a transaction that came second: the next message does not find it undone."""
    scene, refusal = make_refused()
    refusal.begin(errno.ERESTART, count=1)
    out, back = call_peer(scene)
    scene.wait_open(40000, seconds=BACK_WITHIN)
    scene.media(40000, 50000).assert_passes()
    hang_up(out, back.agent)
    scene.wait_closed()


@IPV4_GATEWAYS
def test_what_others_remove_and_cannot_be_put_back_is_not_taken_for_silent(make_refused, gateway):
    """The daemon asks for the media of a call meanwhile, and the kernel has nothing of it."""
    scene, refusal = make_refused(**gateway, config={"timeouts.media_silence": "5s", "timeouts.first_packet": "5s"})
    out, back = call_peer(scene)
    media = scene.media(40000, 50000)
    with Running([media.inbound, media.outbound]) as running:
        running.wait_sent(10)
        with refusal.of_everything():
            scene.lab.gateway.run("nft", "flush", "set", "inet", "messenger_alg", "pinholes4")
            time.sleep(7)
        scene.wait_open(40000, seconds=BACK_WITHIN)
        running.wait_sent(10)
    media.assert_passes()
    hang_up(out, back.agent)
    scene.wait_closed()


def test_what_was_refused_for_long_is_open_as_soon_as_that_has_an_end(make_refused):
    """Media is lost for as long as it takes."""
    scene, refusal = make_refused()
    with refusal.of_everything():
        call_peer(scene)
        time.sleep(1.5)
    scene.wait_open(40000, seconds=0.6)


def test_failures_are_told_of_while_they_last(make_refused):
    """Not those of a time that has ended, when something fails again."""
    scene, refusal = make_refused()
    with refusal.of_everything():
        out, back = call_peer(scene)
        time.sleep(1.5)
    wait_until(lambda: "the kernel takes changes again" in scene.daemon.log, BACK_WITHIN, "the repair")
    hang_up(out, back.agent)
    time.sleep(10)  # so that the next is told of at once
    before = len(scene.daemon.log)
    refusal.begin(count=1)
    call_peer(scene, 42000, "u2", (out.agent, back.agent))
    scene.wait_open(42000, seconds=BACK_WITHIN)
    said = scene.daemon.log[before:]
    assert os.strerror(errno.ENOMEM) in said and "failures more" not in said


def test_a_table_that_is_there_is_not_said_to_be_missing(make_refused):
    """A new one is wanted, for somebody has put elements into this one."""
    scene, refusal = make_refused()
    call_peer(scene)
    media = scene.media(40000, 50000)
    foreign = f"{{ {scene.lab.third.ip4} . {scene.lab.inside.ip4} . udp . 33333 timeout 1h }}"
    with refusal.of_everything():
        scene.lab.gateway.run("nft", "add", "element", "inet", "messenger_alg", "pinholes4", foreign)
        wait_until(lambda: os.strerror(errno.ENOMEM) in scene.daemon.log, 2, "the refusal")
        assert not Ctl(scene).json("status")["table_missing"]
        media.assert_passes()
        scene.lab.gateway.run("nft", "delete", "table", "inet", "messenger_alg")
        wait_until(lambda: Ctl(scene).json("status")["table_missing"], 2, "the word of it")
        assert "ATTENTION" in Ctl(scene).run("status")
    wait_until(lambda: not Ctl(scene).json("status")["table_missing"], BACK_WITHIN, "the table")


def test_the_table_goes_and_cannot_be_made_again(make_refused):
    scene, refusal = make_refused()
    out, back = call_peer(scene)
    media = scene.media(40000, 50000)
    with refusal.of_everything():
        scene.lab.gateway.run("nft", "delete", "table", "inet", "messenger_alg")
        agents = out.agent, back.agent
        second, _ = call_peer(scene, 42000, "u2", agents)  # nobody reads it, and it passes
        time.sleep(0.5)
        assert not table_exists(scene.lab.gateway)
    wait_until(lambda: table_exists(scene.lab.gateway), BACK_WITHIN, "the table")
    scene.wait_open(40000, seconds=BACK_WITHIN)
    media.assert_passes()
    for one in (out, second):
        hang_up(one, back.agent)
    scene.wait_closed()


def test_a_start_that_is_refused_is_said(make_refused):
    scene, refusal = make_refused()
    scene.daemon.stop()
    with refusal.of_everything():
        with pytest.raises(AssertionError, match="ended with status 1"):
            scene.daemon.start(through=refusal.through)
    assert "Cannot allocate memory" in scene.daemon.log
    scene.daemon.start(through=refusal.through)
    call_peer(scene)
    scene.wait_open(40000)
