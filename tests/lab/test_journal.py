# SPDX-License-Identifier: GPL-2.0-or-later
"""What the daemon remembers of calls, and what it sees of their media."""

import json
import os
import re
import time

import pytest

from lab.ctl import Ctl
from lab.media import Running
from lab.scene import PROBE, audio, establish, hang_up, sdp

RTP_PACKET = 200  # 20 of IPv4, 8 of UDP, 12 of RTP, 160 of sound


def call(scene, inside_port=40000, outside_port=50000, peer_says=None, direction=""):
    """peer_says: the address in the peer's SDP. direction: an attribute of the answer."""
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    offer = sdp(caller.address[0], audio(inside_port))
    answer = sdp(peer_says or callee.address[0], audio(outside_port)) + direction
    out, back = establish(caller, callee, offer, answer)
    return out, back, scene.media(inside_port, outside_port)


def test_calls_tell_who_speaks_and_what_flows(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    assert ctl.run("calls") == "No calls.\n"
    begun = int(time.time())
    out, back, media = call(scene)
    media.assert_passes()
    (one,) = ctl.json("calls")["calls"]
    assert one["id"] == out.call_id
    assert (one["inside"], one["peer"], one["state"]) == ("10.1.2.10", "203.0.113.30", "up")
    assert "sip:" in one["from"] and "sip:" in one["to"]
    rtp, rtcp = one["streams"]
    assert (rtp["inside"], rtp["remote"]) == ("10.1.2.10:40000", "203.0.113.30:50000")
    assert (rtcp["inside"], rtcp["remote"]) == ("10.1.2.10:40001", "203.0.113.30:50001")
    assert rtp["in"] == rtp["out"] == {"packets": PROBE, "bytes": PROBE * RTP_PACKET}
    assert rtcp["in"]["packets"] == 0
    assert begun <= one["began"] <= time.time() and one["ended"] is None
    text = ctl.run("calls")
    assert "up 0:0" in text and "audio rtp 10.1.2.10:40000 <> 203.0.113.30:50000; in 10 packets 2.0 kB" in text
    hang_up(out, back.agent)
    assert ctl.json("calls")["calls"] == []
    (ended,) = ctl.json("calls", "--recent")["calls"]
    assert (ended["id"], ended["state"]) == (out.call_id, "ended")
    assert begun <= ended["began"] <= ended["ended"] <= time.time()
    shown = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ended["began"]))
    assert re.search(rf"^ended after 0:\d\d, 10.1.2.10 with 203.0.113.30, {shown} to \d", ctl.run("calls", "--recent"))
    # The last packets are counted, too, and the beginning of the Call-ID is enough.
    ended = ctl.wait(lambda answer: answer["calls"][0]["streams"], "calls", out.call_id[:8])["calls"][0]
    assert ended["streams"][0]["in"]["packets"] == PROBE


def test_a_port_used_again_is_counted_from_zero(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    out, back, media = call(scene)
    media.assert_passes()
    hang_up(out, back.agent)
    time.sleep(0.2)
    offer, answer = sdp(out.agent.address[0], audio(40000)), sdp(back.agent.address[0], audio(50000))
    establish(out.agent, back.agent, offer, answer, tag="again")
    (one,) = ctl.json("calls")["calls"]
    assert one["streams"][0]["in"]["packets"] == 0
    media.assert_passes()
    (one,) = ctl.json("calls")["calls"]
    assert one["streams"][0]["in"]["packets"] == PROBE


def test_explain_tells_every_decision_of_a_call(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    out, back, media = call(scene)
    media.assert_passes()
    text = ctl.run("explain", out.call_id)
    for part in ("INVITE sip:", "offers audio at 10.1.2.10 port 40000", "answers audio at 203.0.113.30 port 50000"):
        assert part in text
    assert "OPENS  10.1.2.10:40000/udp to 203.0.113.30: audio rtp" in text
    assert f"open now: 10.1.2.10:40000/udp to 203.0.113.30: audio rtp; {PROBE} packets ({PROBE * RTP_PACKET} bytes) in" in text.replace(
        "\n" + " " * 17, " "
    )
    hang_up(out, back.agent)
    time.sleep(0.2)
    text = ctl.run("explain", out.call_id).replace("\n" + " " * 17, " ")
    assert "CLOSES 10.1.2.10:40000/udp to 203.0.113.30: audio rtp; BYE; 10 packets (2000 bytes) in, 10 packets" in text
    events = [json.loads(line) for line in ctl.try_run("explain", out.call_id, "--json").stdout.splitlines()]
    assert [event["event"] for event in events if event["event"] in ("open", "close")] == ["open"] * 2 + ["close"] * 2
    assert abs(events[0]["time"] - time.time()) < 60
    done = ctl.try_run("explain", "no-such-call")
    assert done.returncode == 1 and "no such call" in done.stderr and "no file" in done.stderr


def test_a_call_from_before_a_restart_is_told_as_such(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    out, back, media = call(scene)
    scene.daemon.kill()
    scene.daemon.start()
    media.assert_passes()
    (one,) = ctl.json("calls")["calls"]
    assert (one["id"], one["restored"], one["state"]) == (out.call_id, True, "up")
    assert one["streams"][0]["in"]["packets"] == PROBE
    assert "taken over from before a restart" in ctl.run("explain", out.call_id)
    hang_up(out, back.agent)
    assert ctl.json("calls")["calls"] == []


def flagged(ctl, seconds=8):
    answer = ctl.wait(lambda answer: answer["calls"] and answer["calls"][0]["one_way"], "calls", seconds=seconds)
    return answer["calls"][0]["streams"][0]["one_way"]


@pytest.mark.parametrize("silent", ["peer", "inside"])
def test_one_way_audio_is_seen_with_the_side_that_is_silent(make_scene, silent):
    scene = make_scene(config={"journal.one_way": "2s"})
    ctl = Ctl(scene)
    _, _, media = call(scene)
    with Running([media.outbound if silent == "peer" else media.inbound]):
        one_way = flagged(ctl)
        assert (one_way["silent"], one_way["cause"]) == (silent, "nothing_sent")
        assert f"one-way audio: nothing from the {'peer' if silent == 'peer' else 'inside host'}" in scene.daemon.log
        assert "ONE WAY" in ctl.run("calls")
        with Running([media.inbound if silent == "peer" else media.outbound]):
            ctl.wait(lambda answer: not answer["calls"][0]["one_way"], "calls")
        assert "one-way audio is over" in scene.daemon.log


def test_a_side_that_spoke_and_ceased_is_told_from_one_that_never_did(make_scene):
    scene = make_scene(config={"journal.one_way": "2s"})
    ctl = Ctl(scene)
    _, _, media = call(scene)
    with Running([media.outbound]):
        media.assert_inbound_passes()
        assert flagged(ctl)["cause"] == "went_silent"


def test_a_peer_behind_a_nat_that_announces_its_private_address_is_named_as_the_cause(make_scene):
    scene = make_scene(config={"journal.one_way": "2s"})
    ctl = Ctl(scene)
    _, _, media = call(scene, peer_says="192.168.7.7")
    with Running([media.outbound]):
        one_way = flagged(ctl)
        assert (one_way["silent"], one_way["cause"]) == ("peer", "private_address")
        assert "private address" in one_way["text"]


@pytest.mark.parametrize("direction", ["a=recvonly\r\n", "a=inactive\r\n"])
def test_a_call_whose_peer_only_listens_is_not_flagged(make_scene, direction):
    scene = make_scene(config={"journal.one_way": "2s"})
    ctl = Ctl(scene)
    _, _, media = call(scene, direction=direction)
    with Running([media.outbound]):
        time.sleep(6)
        assert ctl.json("calls")["calls"][0]["one_way"] is False
    assert "one-way audio" not in scene.daemon.log


def test_nobody_polls_while_no_call_is_up(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    out, back, _ = call(scene)
    hang_up(out, back.agent)
    time.sleep(1)
    before = ctl.json("status")["counters"]["wake_ups"]
    time.sleep(3)
    # Three for each question: its connection, its line, its end.
    assert ctl.json("status")["counters"]["wake_ups"] - before <= 6


def test_the_journal_forgets_the_oldest_call(make_scene):
    scene = make_scene(config={"journal.recent_calls": 1, "timeouts.transaction": "1s"})
    ctl = Ctl(scene)
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    ids = []
    for number in range(4):
        offer, answer = sdp(caller.address[0], audio(40000)), sdp(callee.address[0], audio(50000))
        out, back = establish(caller, callee, offer, answer, tag=f"t{number}")
        ids.append(out.call_id)
        hang_up(out, back.agent)
        time.sleep(2.5)
    kept = [one["id"] for one in ctl.json("calls", "--recent")["calls"]]
    assert ids[-1] in kept and ids[0] not in kept and len(kept) <= 3
    assert os.path.exists(ctl.socket)
