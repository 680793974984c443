# SPDX-License-Identifier: GPL-2.0-or-later
"""How much memory the daemon has resident: with nothing to do, and with a thousand calls."""

from pathlib import Path

import pytest

from lab.ctl import Ctl
from lab.scene import audio, sdp
from lab.sipua import Call

IDLE_KILOBYTES = 12 * 1024
CALLS = 1000
# A call of two pinholes: its dialog, its negotiation, its journal.
KILOBYTES_PER_CALL = 16
TEN_AT_A_TIME = 10


def resident(daemon):
    """{RssAnon, RssFile, VmRSS, ...: kB}"""
    lines = Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
    values = (line.split() for line in lines)
    return {words[0].rstrip(":"): int(words[1]) for words in values if words[0].startswith(("Rss", "VmRSS", "VmHWM"))}


def call_many(caller, callee, number, count):
    """All INVITEs, then all answers, then all ACKs: the daemon sees batches."""
    calls = []
    for one in range(number, number + count):
        call = Call.outgoing(caller, callee.uri, callee.address)
        call.request("INVITE", sdp(caller.address[0], audio(20000 + 2 * one)))
        calls.append(call)
    for one in range(number, number + count):
        invite = callee.receive("INVITE")
        callee.reply(invite, 200, sdp(callee.address[0], audio(20000 + 2 * one)), tag="m1")
    for call in calls:
        call.ack(caller.receive(200))
    for _ in calls:
        callee.receive("ACK")


@pytest.mark.alone
def test_resident_memory(make_scene):
    scene = make_scene(config={"log.level": "warning"})
    idle = resident(scene.daemon)
    print("idle:", idle)
    assert idle["VmRSS"] <= IDLE_KILOBYTES, idle
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    for number in range(0, CALLS, TEN_AT_A_TIME):
        call_many(caller, callee, number, TEN_AT_A_TIME)
    status = Ctl(scene).json("status")
    assert (status["calls"], status["pinholes"]) == (CALLS, 2 * CALLS)
    busy = resident(scene.daemon)
    print(f"{CALLS} calls:", busy)
    assert busy["VmRSS"] - idle["VmRSS"] <= CALLS * KILOBYTES_PER_CALL, busy
