# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT: the daemon cannot keep up and its queue is full. What finds it full passes unread (queue.on_overload),
but a segment of an edited connection must not: its numbers are not the receiver's. Such a connection ends at once, for
both ends."""

import contextlib
import os
import signal
import socket
import time

import pytest

from lab.ctl import Ctl
from lab.nat import OUTSIDE, call_out, offer
from lab.namespaces import wait_until
from lab.scene import hang_up
from lab.sipua import Call
from lab.topology import INTERNET_HOSTS

LENGTH = 64
SOON = 2  # seconds; without a reset, TCP would try for a quarter of an hour
CONFIG = {"queue.length": LENGTH}


def waiting(gateway):
    """Packets in queue 200: proc/net/netfilter/nfnetlink_queue, third column."""
    with gateway.entered(), open("/proc/net/netfilter/nfnetlink_queue", encoding="ascii") as table:
        return next(int(line.split()[2]) for line in table if line.split()[0] == "200")


@contextlib.contextmanager
def full_queue(scene):
    """The daemon does nothing, and more SIP has come than its queue holds."""
    os.kill(scene.daemon.pid, signal.SIGSTOP)
    try:
        with scene.lab.inside2.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
            for number in range(2 * LENGTH):
                busy.sendto(f"OPTIONS sip:busy{number} SIP/2.0\r\n\r\n".encode(), (scene.lab.third.ip4, 5060))
        wait_until(lambda: waiting(scene.lab.gateway) == LENGTH, 2, "the queue to be full")
        yield
        assert waiting(scene.lab.gateway) == LENGTH, "somebody has read the queue"
    finally:
        os.kill(scene.daemon.pid, signal.SIGCONT)
    wait_until(lambda: waiting(scene.lab.gateway) == 0, 2, "the daemon to read its queue")


def assert_reset(connection, text):
    """Who speaks learns soon that there is no connection any more."""
    connection.settimeout(SOON)
    begun = time.monotonic()
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        connection.sendall(text)
        while connection.recv(1 << 16):
            pass
        raise AssertionError("the connection was closed in good order")
    assert time.monotonic() - begun < SOON


def edited(scene):
    """A call over a TCP connection that was edited: the agents, the call, and the connection as either end has it."""
    caller, callee, out, invite = call_out(scene, "tcp")
    time.sleep(0.3)  # the acknowledgement of what was said last may take 40 ms
    return caller, callee, out, invite.source


KEEP_ALIVE = b"\r\n\r\n"


@pytest.mark.parametrize("first", ["inside", "outside"])
def test_an_edited_connection_is_reset(make_scene, first):
    """Whichever end speaks first; and the other, when it speaks."""
    scene = make_scene(nat=True, transport="tcp", config=CONFIG)
    caller, callee, out, back = edited(scene)
    ends = [out.to, back] if first == "inside" else [back, out.to]
    before = Ctl(scene).json("status")["nat"]["guard_reset"]
    with full_queue(scene):
        for end in ends:
            assert_reset(end, KEEP_ALIVE)
    assert Ctl(scene).json("status")["nat"]["guard_reset"] >= before + 2
    # A new connection works, and the call's media went on meanwhile.
    caller.forget_connections()
    callee.forget_connections()
    scene.media(5350, 40000).assert_inbound_passes()
    out.to = caller.connect(callee.address)
    hang_up(out, callee)
    scene.wait_closed()


def test_the_other_end_speaks_after_the_daemon_is_back(make_scene):
    """It has heard nothing of the reset. The inside host, which has, answers it with one of its own."""
    scene = make_scene(nat=True, transport="tcp", config=CONFIG)
    caller, callee, out, back = edited(scene)
    with full_queue(scene):
        assert_reset(out.to, KEEP_ALIVE)
    assert_reset(back, KEEP_ALIVE)


def test_an_edited_connection_that_is_silent_lives_on(make_scene):
    scene = make_scene(nat=True, transport="tcp", config=CONFIG)
    caller, callee, out, back = edited(scene)
    with full_queue(scene):
        time.sleep(0.5)
    hang_up(out, callee)
    scene.wait_closed()


def test_a_connection_that_was_not_edited_goes_on(make_scene):
    """What it says meanwhile passes unread."""
    scene = make_scene(nat=True, transport="tcp", config={**CONFIG, "nat.no_rewrite": [INTERNET_HOSTS["peer"][0]]})
    caller, callee, out, invite = call_unedited(scene)
    with full_queue(scene):
        out.request("OPTIONS")
        callee.reply(callee.receive("OPTIONS"), 200)
        caller.receive((200, "OPTIONS"))
    hang_up(out, callee)


def call_unedited(scene):
    caller, callee = scene.agent(scene.lab.inside, transport="tcp"), scene.agent(scene.lab.peer, transport="tcp")
    out = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    sent = out.request("INVITE", offer(scene.lab.inside, 5350))
    invite = callee.receive("INVITE")
    assert invite.raw == sent.text().encode()
    callee.reply(invite, 200, offer(scene.lab.peer, 40000), tag="p1")
    out.ack(caller.receive(200))
    callee.receive("ACK")
    return caller, callee, out, invite


def test_a_connection_made_meanwhile_passes_unread(make_scene):
    """Also when the daemon is back: it has not seen how it began."""
    scene = make_scene(nat=True, transport="tcp", config=CONFIG)
    with full_queue(scene):
        caller, callee, out, invite = call_unedited(scene)
    sent = out.request("OPTIONS")
    question = callee.receive("OPTIONS")
    assert question.raw == sent.text().encode()
    callee.reply(question, 200)
    caller.receive((200, "OPTIONS"))


def test_with_drop_nothing_is_reset(make_scene):
    """queue.on_overload = "drop": what is lost is sent again when there is room."""
    scene = make_scene(nat=True, transport="tcp", config={**CONFIG, "queue.on_overload": "drop"})
    caller, callee, out, back = edited(scene)
    with full_queue(scene):
        sent = out.request("OPTIONS")
        time.sleep(0.3)
    question = callee.receive("OPTIONS", 8)
    assert OUTSIDE in question.get("Contact") and OUTSIDE not in sent.get("Contact")
    callee.reply(question, 200)
    caller.receive((200, "OPTIONS"))
    hang_up(out, callee)
    assert Ctl(scene).json("status")["nat"]["guard_reset"] == 0
