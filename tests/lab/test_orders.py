# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator orders while the daemon runs, and how it is told what happens."""

import json
import os
import pty
import select
import signal
import subprocess
import time

import pytest

from lab.ctl import Ctl
from lab.namespaces import wait_until
from lab.pinholes import pinholes
from lab.scene import audio, establish, hang_up, sdp


def call(scene, inside_port=40000, outside_port=50000, **options):
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    offer, answer = sdp(caller.address[0], audio(inside_port)), sdp(callee.address[0], audio(outside_port))
    out, back = establish(caller, callee, offer, answer, **options)
    return out, back, scene.media(inside_port, outside_port)


def test_close_cuts_the_media_of_a_call_for_good(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    out, back, media = call(scene)
    media.assert_passes()
    assert ctl.json("close", out.call_id[:8])["closed"] == 2
    assert pinholes(scene.lab.gateway) == []
    media.assert_inbound_blocked()
    (shown,) = ctl.json("calls")["calls"]
    assert shown["closed_by_operator"] and shown["blocked"] == [] and shown["streams"] == []
    assert "CLOSED by an operator" in ctl.run("calls")
    # A new offer of the same call opens nothing either.
    out.request("INVITE", sdp(out.agent.address[0], audio(40000)))
    back.agent.reply(back.agent.receive("INVITE"), 200, sdp(back.agent.address[0], audio(50000)))
    out.ack(out.agent.receive((200, "INVITE")))
    back.agent.receive("ACK")
    assert pinholes(scene.lab.gateway) == []
    assert "closed by an operator" in ctl.run("explain", out.call_id)
    hang_up(out, back.agent)
    assert ctl.try_run("close", out.call_id).returncode == 1
    assert ctl.try_run("close", "no-such-call").returncode == 1


@pytest.mark.parametrize("host", ["10.1.2.10", "203.0.113.30"], ids=["inside", "outside"])
def test_a_blocked_host_gets_nothing_until_it_is_unblocked(make_scene, host):
    scene = make_scene()
    ctl = Ctl(scene)
    out, back, media = call(scene)
    media.assert_passes()
    answer = ctl.json("block", host)
    assert (answer["closed"], answer["changed"], answer["blocked"]) == (2, True, [host])
    assert ctl.json("block", host)["changed"] is False
    media.assert_inbound_blocked()
    assert ctl.json("calls")["calls"][0]["blocked"] == [host]
    assert f"BLOCKED: {host}" in ctl.run("calls")
    hang_up(out, back.agent)
    offer, reply = sdp(out.agent.address[0], audio(40000)), sdp(back.agent.address[0], audio(50000))
    second, second_back = establish(out.agent, back.agent, offer, reply, tag="second")
    assert pinholes(scene.lab.gateway) == []
    assert "an operator has blocked" in ctl.run("explain", second.call_id).replace("\n" + " " * 17, " ")
    assert f"blocked      {host}\n" in ctl.run("status")
    hang_up(second, second_back.agent)
    # A reload forgets no order.
    ctl.run("reload")
    assert ctl.json("status")["blocked"] == [host]
    assert ctl.json("unblock", host) == {"blocked": [], "changed": True, "host": host}
    establish(out.agent, back.agent, offer, reply, tag="third")
    scene.wait_open(40000)
    assert ctl.try_run("block", "example.com").returncode == 1


def test_observe_opens_nothing_and_says_what_it_would_have_opened(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    first, first_back, media = call(scene)
    assert ctl.json("observe", "on") == {"changed": True, "observe": True}
    media.assert_passes()  # what was open stays so
    offer, answer = sdp(first.agent.address[0], audio(42000)), sdp(first_back.agent.address[0], audio(52000))
    second, second_back = establish(first.agent, first_back.agent, offer, answer, tag="second")
    assert {hole.port for hole in pinholes(scene.lab.gateway)} == {40000, 40001}
    unopened = scene.media(42000, 52000)
    unopened.assert_inbound_blocked()
    streams = ctl.json("calls", second.call_id)["calls"][0]["streams"]
    assert [stream["observed"] for stream in streams] == [True, True]
    assert "only looking on, else opened UDP 10.1.2.10:42000" in scene.daemon.log
    told = ctl.run("explain", second.call_id)
    assert "not done: the daemon only looked on" in told and "would be open now: 10.1.2.10:42000/udp" in told
    assert " open now" not in told.replace("would be open now", "") and "OPENS" not in told
    events = map(json.loads, ctl.run("explain", second.call_id, "--json").splitlines())
    assert [event["observed"] for event in events if event["event"] == "open"] == [True, True]
    assert ctl.run("events").count("; not done: only looking on") == 2
    assert "only looking on" in ctl.run("status") and "2 of which only would be open" in ctl.run("status")
    assert ctl.json("status")["observed_pinholes"] == 2 and "would be open: only looking on" in ctl.run("pinholes")
    assert [hole["observed"] for hole in ctl.json("pinholes")["pinholes"]] == [False, False, True, True]
    hang_up(first, first_back.agent)  # and closes as ever
    assert pinholes(scene.lab.gateway) == []
    # A table that is put back does not hold what was only looked at.
    scene.firewall.delete_daemon_table()
    wait_until(lambda: "put back" in scene.daemon.log, 5, "the table")
    assert pinholes(scene.lab.gateway) == []
    assert ctl.json("observe", "off") == {"changed": True, "observe": False}
    scene.wait_open(42000)
    unopened.assert_passes()
    told = ctl.run("explain", second.call_id)
    assert " open now: 10.1.2.10:42000/udp" in told and "would be" not in told
    assert "observed" not in ctl.run("events", "--json") and ctl.json("status")["observed_pinholes"] == 0
    hang_up(second, second_back.agent)
    assert pinholes(scene.lab.gateway) == []
    assert ctl.try_run("observe", "perhaps").returncode == 2


def test_the_configuration_can_begin_with_looking_on(make_scene):
    scene = make_scene(config={"policy.observe": True})
    ctl = Ctl(scene)
    assert ctl.json("status")["observe"] is True
    follower = Follower(ctl, "--json")
    time.sleep(0.5)
    out, back, _ = call(scene)
    assert pinholes(scene.lab.gateway) == []
    hang_up(out, back.agent)
    lines = follower.read(lambda lines: sum('"close"' in line for line in lines) == 2)
    changes = [event for event in map(json.loads, lines) if event["event"] in ("open", "close")]
    assert len(changes) == 4 and all(event["observed"] for event in changes)
    remembered = map(json.loads, ctl.run("events", "--json").splitlines())
    assert sum(event.get("observed", False) for event in remembered) == 4
    assert "WOULD CLOSE 10.1.2.10:40000/udp" in ctl.run("explain", out.call_id)
    follower.end()


class Follower:
    """messenger-algctl events --follow, running."""

    def __init__(self, ctl, *arguments):
        self.process = subprocess.Popen(
            ctl.command("events", "--follow", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._buffer = b""

    def read(self, enough, seconds=5):
        """Lines as they come until enough(lines)."""
        lines, deadline = [], time.monotonic() + seconds
        while not enough(lines):
            while b"\n" not in self._buffer:
                left = deadline - time.monotonic()
                assert left > 0 and select.select([self.process.stdout], [], [], left)[0], lines
                part = os.read(self.process.stdout.fileno(), 65536)
                assert part, lines
                self._buffer += part
            line, self._buffer = self._buffer.split(b"\n", 1)
            lines.append(line.decode("ascii"))
        return lines

    def end(self):
        self.process.terminate()
        self.process.communicate(timeout=5)


def test_events_follow_what_happens(make_scene):
    scene = make_scene(config={"journal.one_way": "2s"})
    ctl = Ctl(scene)
    machine, person = Follower(ctl, "--json"), Follower(ctl)
    time.sleep(0.5)
    out, back, media = call(scene)
    events = [json.loads(line) for line in machine.read(lambda lines: sum('"open"' in line for line in lines) == 2)]
    assert [event["event"] for event in events].count("message") >= 3
    assert all(event["call_id"] == out.call_id and abs(event["time"] - time.time()) < 60 for event in events)
    (rtp, _) = [event for event in events if event["event"] == "open"]
    assert (rtp["inside"], rtp["remote"], rtp["purpose"]) == ("10.1.2.10:40000", "203.0.113.30:*", "audio rtp")
    for _ in range(20):
        media.outbound.send(10)
        if "one-way audio" in scene.daemon.log:
            break
    lines = machine.read(lambda lines: lines and '"one_way"' in lines[-1])
    assert json.loads(lines[-1])["silent"] == "peer"
    ctl.run("close", out.call_id)
    lines = machine.read(lambda lines: lines and '"order"' in lines[-1])
    assert sum('"reason":"operator"' in line for line in lines) == 2
    text = "\n".join(person.read(lambda lines: lines and " order " in lines[-1]))
    assert "open      udp 10.1.2.10:40000 for 203.0.113.30:*, audio rtp; waits 60" in text
    # What is remembered can be read again.
    remembered = [json.loads(line) for line in ctl.try_run("events", "--json").stdout.splitlines()]
    assert [event for event in remembered if event["event"] == "open"][0]["inside"] == "10.1.2.10:40000"
    hang_up(out, back.agent)
    machine.end()
    scene.daemon.stop()
    assert person.process.wait(5) == 3
    assert b"the daemon has ended" in person.process.communicate()[1]


def test_a_follower_that_does_not_read_harms_nobody(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    stuck = Follower(ctl, "--json")
    time.sleep(0.3)
    os.kill(stuck.process.pid, signal.SIGSTOP)
    for number in range(3):
        out, back, _ = call(scene, 40000 + 10 * number, 50000 + 10 * number, tag=f"t{number}")
        hang_up(out, back.agent)
        out.agent.close()
        back.agent.close()
    assert ctl.json("status")["calls"] == 0
    os.kill(stuck.process.pid, signal.SIGCONT)
    assert stuck.read(lambda lines: sum('"close"' in line for line in lines) == 6)
    stuck.end()


def test_watch_prints_once_into_a_pipe(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    call(scene)
    text = ctl.run("watch")
    assert text.count("messenger-algd") == 1 and "10.1.2.10:40000" in text
    assert "\x1b" not in text
    first, second = text.splitlines()[:2]
    assert len(first) < 80 and len(second) < 80 and second.endswith(" 0 refused")
    both = ctl.json("watch")
    assert both["status"]["calls"] == len(both["calls"]["calls"]) == 1


@pytest.mark.parametrize("leave", ["q", "interrupt", "daemon"])
def test_watch_gives_the_terminal_back_as_it_was(make_scene, leave):
    scene = make_scene()
    ctl = Ctl(scene)
    master, terminal = pty.openpty()
    before = subprocess.run(["stty", "-g"], stdin=terminal, capture_output=True, check=True).stdout
    process = subprocess.Popen(ctl.command("watch"), stdin=terminal, stdout=terminal, stderr=subprocess.PIPE)
    shown = b""

    def read_until(text):
        nonlocal shown
        deadline = time.monotonic() + 5
        while text not in shown:
            assert select.select([master], [], [], deadline - time.monotonic())[0], shown
            shown += os.read(master, 65536)

    read_until(b"0 calls")
    call(scene)
    read_until(b"1 calls")
    if leave == "q":
        os.write(master, b"q")
    elif leave == "interrupt":
        process.send_signal(signal.SIGINT)
    else:
        scene.daemon.stop()
    read_until(b"\x1b[?1049l")
    assert process.wait(5) == (3 if leave == "daemon" else 0)
    assert shown.startswith(b"\x1b[?1049h") and b"\x1b[?25h" in shown
    after = subprocess.run(["stty", "-g"], stdin=terminal, capture_output=True, check=True).stdout
    assert after == before
    os.close(master)
    os.close(terminal)
