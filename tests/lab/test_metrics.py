# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers for Prometheus, from the running daemon, and the dashboard that shows them."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from lab.ctl import Ctl
from lab.flood import Flood
from lab.scene import Call, audio, establish, hang_up, sdp

DASHBOARD = Path(__file__).resolve().parents[2] / "packaging" / "grafana-dashboard.json"
SAMPLE = re.compile(r"^(messenger_alg_[a-z_]+)(\{[^}]*\})? (\S+)$")


def samples(text):
    """{name and labels: value}; every line must be a comment or a sample."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# "):
            continue
        match = SAMPLE.match(line)
        assert match, line
        found[match[1] + (match[2] or "")] = float(match[3])
    return found


def call(scene):
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    offer, answer = sdp(caller.address[0], audio(40000)), sdp(callee.address[0], audio(50000))
    return establish(caller, callee, offer, answer)


def test_metrics_count_what_happens(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    before = samples(ctl.run("metrics"))
    out, back = call(scene)
    during = samples(ctl.run("metrics"))
    assert during["messenger_alg_calls"] == 1
    assert during['messenger_alg_pinholes{kind="audio",role="rtp"}'] == 1
    assert during["messenger_alg_transaction_seconds_count"] == before["messenger_alg_transaction_seconds_count"] + 1
    packets = during["messenger_alg_packets_total"] - before["messenger_alg_packets_total"]
    assert packets >= 4 and during["messenger_alg_verdict_seconds_count"] == during["messenger_alg_packets_total"]
    assert 0 < during["messenger_alg_transaction_seconds_sum"] < 1
    buckets = [value for name, value in during.items() if name.startswith("messenger_alg_verdict_seconds_bucket")]
    assert buckets == sorted(buckets) and buckets[-1] == during["messenger_alg_verdict_seconds_count"]
    hang_up(out, back.agent)
    after = samples(ctl.run("metrics"))
    assert after['messenger_alg_pinholes_closed_total{reason="bye"}'] == 2
    assert after["messenger_alg_calls"] == 0
    assert set(before) <= set(after), "every series is there from the start"
    listed = ctl.json("metrics")["metrics"]
    assert {"labels": {}, "name": "messenger_alg_calls", "value": 0.0} in listed


@pytest.mark.alone
def test_packets_wait_for_others_while_many_come_and_only_then(make_scene):
    scene = make_scene(config={"limits.messages_per_second": 0, "log.level": "notice"})
    ctl = Ctl(scene)

    def wait_for_others():
        return samples(ctl.run("metrics"))["messenger_alg_gather_seconds"]

    def one_message():
        caller.send(pinging.make("OPTIONS"), pinging.to)
        callee.receive("OPTIONS")

    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    pinging = Call.outgoing(caller, callee.uri, callee.address)
    one_message()
    assert wait_for_others() == 0
    sink = scene.agent(scene.lab.server)
    flood = scene.keep(Flood(scene.lab.inside, sink.address, pinging.make("OPTIONS").text()))
    flood.begin()
    deadline = time.monotonic() + 5
    while not (waits := wait_for_others()):
        assert time.monotonic() < deadline, "packets are read one by one however many come"
        time.sleep(0.05)
    assert waits <= 0.00025, "a message that opens nothing waits longer than it should"
    flood.end()
    time.sleep(0.5)
    one_message()
    assert wait_for_others() == 0


def test_a_daemon_that_was_never_root_knows_its_queues(make_scene):
    """As the unit starts it: the kernel's file about queues is closed to it."""
    scene = make_scene(daemon=False)
    scene.start_daemon(user=65534)
    ctl = Ctl(scene)
    call(scene)
    queues = {queue["queue"]: queue for queue in ctl.json("status")["queues"]}
    assert set(queues) == {200, 210}
    assert queues[200] == {"queue": 200, "waiting": 0, "dropped_buffer": 0, "dropped_full": None}
    assert "queue 200    0 waiting; dropped: (not known) because it was full, 0 for" in ctl.run("status")
    values = samples(ctl.run("metrics"))
    assert values['messenger_alg_queue_dropped_total{queue="200",reason="buffer"}'] == 0
    assert 'messenger_alg_queue_dropped_total{queue="200",reason="full"}' not in values
    assert values["messenger_alg_queue_unread_bytes"] == 0


def test_the_textfile_is_written_whole_and_anew(make_scene, tmp_path):
    file = tmp_path / "messenger_alg.prom"
    scene = make_scene(config={"metrics.textfile": str(file), "metrics.interval": "1s"})
    deadline = time.monotonic() + 5
    call(scene)
    while "messenger_alg_calls 1" not in (text := file.read_text()):
        assert time.monotonic() < deadline, text
        time.sleep(0.05)
    samples(text)
    first = os.stat(file).st_ino
    time.sleep(1.5)
    assert os.stat(file).st_ino != first, "each version is a file of its own"
    assert os.stat(file).st_mode & 0o777 == 0o644
    # The process that writes ends with the daemon, however that ends.
    scene.daemon.kill()
    time.sleep(0.2)
    # (The question itself runs in the gateway, too.)
    left = scene.lab.gateway.run("ip", "netns", "pids", scene.lab.gateway.name).split()
    assert not [pid for pid in left if Path(f"/proc/{pid}/exe").exists() and "algd" in os.readlink(f"/proc/{pid}/exe")]
    scene.daemon.start()


def test_a_textfile_that_cannot_be_written_is_said_at_the_start(make_scene):
    try:
        make_scene(config={"metrics.textfile": "/nowhere/at/all.prom"})
    except AssertionError as failure:
        assert "/nowhere/at/all.prom" in str(failure)
    else:
        raise AssertionError("the daemon started")


def test_the_dashboard_uses_exactly_the_metrics_that_there_are(make_scene):
    scene = make_scene()
    families = set(re.findall(r"^# TYPE (\S+)", Ctl(scene).run("metrics"), re.MULTILINE))
    text = DASHBOARD.read_text()
    expressions = [target["expr"] for panel in json.loads(text)["panels"] for target in panel.get("targets", [])]
    used = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"messenger_alg_[a-z_]+", " ".join(expressions))}
    assert used == families
