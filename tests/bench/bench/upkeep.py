# SPDX-License-Identifier: GPL-2.0-or-later
"""What the daemon takes by being there: memory, start, restart, wake-ups."""

import statistics
import time
from pathlib import Path

from bench import programs
from bench.results import Row, ours_at_most
from bench.site import PAIRS, Site

CALLS = 100_000
RESTARTED = 100_000
STARTS = 3
IDLE_SECONDS = 5
MEGABYTE = 1024  # kB


def _status(pid, *names):
    """Numbers of /proc/PID/status, added up over names."""
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(words[1]) for words in lines if words[0].rstrip(":") in names)


def _switches(pid):
    tasks = (task.name for task in Path(f"/proc/{pid}/task").iterdir())
    return sum(_status(task, "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches") for task in tasks)


def _own_memory(pid):
    """kB that no other process has a share of."""
    lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    return sum(int(words[1]) for words in lines if words[0].startswith("Private_"))


def _hold(site, calls):
    made = programs.load("call_load", *site.hosts(PAIRS[0]), first_host=PAIRS[0]["first_host"], hold=calls, leave=True,
                         no_media=True, window=128)
    assert made["held"] == calls, made


def memory():
    with Site() as site, site.daemon() as daemon:
        time.sleep(0.5)
        idle = _status(daemon.pid, "VmRSS")
        own = _status(daemon.pid, "RssAnon")
        warden = _own_memory(daemon.warden())
        yield Row("memory, idle", idle / MEGABYTE, None, "MB", ours_at_most(8, "MB"),
                  f"{own / MEGABYTE:.1f} MB of its own, the rest is programs and libraries in the page cache; "
                  f"its warden has {warden / MEGABYTE:.1f} MB more")
        _hold(site, CALLS)
        busy = _status(daemon.pid, "VmRSS")
        refused = site.refused_transactions()
        yield Row(f"memory of a call, at {CALLS:,}", (busy - idle) * 1024 / CALLS, None, "bytes",
                  ours_at_most(1024, "bytes"),
                  f"{busy / MEGABYTE:.0f} MB in all; dialog, negotiation, two pinholes, journal; "
                  f"{refused} transactions refused", failed=refused > 0)


def start():
    with Site() as site:
        times = []
        for _ in range(STARTS):
            begun = time.perf_counter()
            with site.daemon():
                times.append(time.perf_counter() - begun)
        yield Row("start-up", statistics.median(times) * 1000, None, "ms", None, "until it says ready; an empty table")
        with site.daemon() as daemon:
            _hold(site, RESTARTED // 2)
            for end, name, how, aim in (
                    (daemon.stop, "restart", "as the stop before has left word of them", ours_at_most(1000, "ms")),
                    (daemon.kill, "start after a crash", "the kernel lists them", None)):
                end()
                begun = time.perf_counter()
                daemon.start()
                took = time.perf_counter() - begun
                kept = site.ctl().json("status")["pinholes"]
                yield Row(f"{name} with {RESTARTED:,} pinholes", took * 1000, None, "ms", aim,
                          f"{kept:,} pinholes taken over, {how}; the table stays", failed=kept != RESTARTED)


def idle():
    with Site() as site, site.daemon() as daemon:
        time.sleep(1)
        before = sum(map(_switches, daemon.pids))
        time.sleep(IDLE_SECONDS)
        yield Row("wake-ups when idle", sum(map(_switches, daemon.pids)) - before, None, f"in {IDLE_SECONDS} s",
                  ours_at_most(0, "wake-ups"))
