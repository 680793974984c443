# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading messages, and the whole engine, in memory: beside the parsers of two SIP stacks."""

import json
import os
import subprocess

from bench.programs import ROOT, ProgramFailed, find
from bench.results import Row, ratio_at_most

PEERS = ("libosip2", "sofia_sip")
# Messages made by others, where they are there, and our own.
MESSAGES = (ROOT.parent / "shared" / "corpus", ROOT / "tests" / "fuzz" / "corpus" / "message")
REPETITIONS = 3


def _run(program):
    """{name of the benchmark: (nanoseconds for one message, messages)}, medians."""
    folders = ":".join(str(folder) for folder in MESSAGES if folder.is_dir())
    done = subprocess.run(
        [find(program), "--benchmark_format=json", "--benchmark_min_time=0.15",
         f"--benchmark_repetitions={REPETITIONS}", "--benchmark_report_aggregates_only=true"],
        capture_output=True, text=True, check=False, env={**os.environ, "MESSENGER_BENCH_MESSAGES": folders})
    if done.returncode:
        raise ProgramFailed(f"{program}: status {done.returncode}: {done.stderr}")
    found = {}
    for one in json.loads(done.stdout)["benchmarks"]:
        if one.get("error_occurred"):
            raise ProgramFailed(f"{one['name']}: {one['error_message']}")
        if one["aggregate_name"] == "median":
            found[one["run_name"]] = 1e9 / one["items_per_second"], int(one.get("messages", 1))
    return found


def parse():
    times = _run("bench_parse")
    for kind, what in (("invite", "the INVITE"), ("corpus", f"{times['corpus/ours'][1]} messages of the corpus")):
        ours = times[f"{kind}/ours"][0]
        peers = {name: times[f"{kind}/{name}"][0] for name in PEERS}
        fastest = min(peers, key=peers.get)
        for name, peer in peers.items():
            aim = ratio_at_most(1 / 15, "ratio <= 1/15") if name == fastest else None
            yield Row(f"parse {kind} / {name}", ours, peer, "ns/message", aim,
                      f"{what}: {peer / ours:.1f} times as fast" + (", the faster peer" if name == fastest else ""))
        yield Row(f"parse {kind} / memchr line scan", ours, times[f"{kind}/line_scan"][0], "ns/message",
                  ratio_at_most(5), "each byte is looked at once to find the lines, and headers that matter once more")


def engine():
    times = _run("bench_parse")
    peer = min(times[f"invite/{name}"][0] for name in PEERS)
    works = _run("bench_engine")
    for name, what in (("message_that_opens_nothing", "engine, a message that opens nothing"),
                       ("call_from_invite_to_bye", "engine, a call: per message")):
        yield Row(what, works[name][0], peer, "ns/message", ratio_at_most(1),
                  "the faster peer only parses; ours also finds the call and decides")
