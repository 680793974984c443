# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole calls, with RTP and RTCP both ways: what they cost, how many a second, and what a transaction carries."""

import statistics

from bench import programs
from bench.processors import Meter
from bench.results import Row, ours_at_most, ratio_at_least, ratio_at_most
from bench.site import PAIRS, Site

ROUNDS = 3
RATE = 1000
HELD = 10_000
SUSTAINED = 15
ENLARGED = 65_536
SETTING_UP = 5000


def _options(pair):
    return {"first_host": pair["first_host"], "address": pair["address"]}


def _load(site, pair=PAIRS[0], **options):
    return programs.load("call_load", *site.hosts(pair), **_options(pair), **options)


def _lost(result):
    return sum(result[part]["lost"] for part in ("ramp", "sustained", "end"))


def _cost(site, pid):
    """Microseconds of processor for a call, and how many were lost."""
    _load(site, rate=RATE, seconds=0.3, first_call=500_000, processor=site.load_place)
    meter = Meter(pid)
    result = _load(site, rate=RATE, seconds=2, processor=site.load_place)
    ended = sum(result[part]["ended"] for part in ("sustained", "end"))
    return meter.seconds() * 1e6 / max(ended, 1), _lost(result)


def call_cpu():
    costs = {"daemon": [], "bare": []}
    lost = 0
    with Site() as site:
        for _ in range(ROUNDS):
            with site.daemon() as daemon:
                cost, missing = _cost(site, daemon.pid)
                costs["daemon"].append(cost)
                lost += missing
            with site.bare() as pid:
                costs["bare"].append(_cost(site, pid)[0])
    yield Row("CPU per call / bare loop", statistics.median(costs["daemon"]), statistics.median(costs["bare"]), "us",
              ratio_at_most(1.5), f"{RATE:,} calls/s; {lost} lost; a transaction and two conntrack entries beside five packets",
              failed=lost > 0)


def transactions():
    with Site() as site:
        for window, aim in ((1, None), (16, None), (256, ratio_at_least(10))):
            with site.daemon():
                before = site.metrics()
                result = _load(site, hold=SETTING_UP, window=window, no_media=True, leave=True,
                               processor=site.load_place)
                after = site.metrics()
                opened = after["pinholes_opened_total"] - before["pinholes_opened_total"]
                count = after["transactions_total"] - before["transactions_total"]
            lost = result["ramp"]["lost"]
            yield Row(f"pinholes per transaction, {window} calls at a time", opened / max(count, 1), 1, "pinholes", aim,
                      f"the answers of one wake-up share a transaction; {lost} calls lost", failed=lost > 0)
            yield Row(f"transactions, {window} calls at a time", count / result["ramp"]["seconds"], None, "per second", None,
                      f"{opened / result['ramp']['seconds']:,.0f} pinholes a second")


def _sustain(site):
    """Two generators, each with callers of its own. Returns calls a second, and how many were lost."""
    loads = [programs.Load("call_load", *site.hosts(pair), **_options(pair), hold=HELD // 2, seconds=SUSTAINED)
             for pair in PAIRS]
    results = [load.result() for load in loads]
    rate = sum(result["sustained"]["up"] / result["sustained"]["seconds"] for result in results)
    return rate, sum(map(_lost, results))


def _wait_for_media(site):
    """Answered calls whose media begins late: how many of HELD have lost it."""
    loads = [programs.Load("call_load", *site.hosts(pair), **_options(pair), hold=HELD // 2, media_late=True)
             for pair in PAIRS]
    return sum(load.result()["late_lost"] for load in loads)


def rate():
    with Site() as site:
        with site.daemon(pinned=False):
            ours, lost = _sustain(site)
        with site.daemon(pinned=False):
            late = _wait_for_media(site)
        how = f"{HELD:,} held, {SUSTAINED} s"
        if not site.has_helper():
            yield Row("calls set up / kernel helper", ours, None, "calls/s", None, f"{how}; {lost} lost; this kernel has no sip helper",
                      failed=lost > 0)
            return
        for name, expectations in (("as it ships", None), ("enlarged", ENLARGED)):
            with site.helper(expectations):
                peer, peer_lost = _sustain(site)
            with site.helper(expectations):
                peer_late = _wait_for_media(site)
            yield Row(f"calls set up / kernel helper {name}", ours, peer, "calls/s", ratio_at_least(1),
                      f"{how}; lost: ours {lost}, its {peer_lost}", failed=lost > 0)
            yield Row(f"calls without media when it comes late / kernel helper {name}", late, peer_late, f"of {HELD:,} calls",
                      ours_at_most(0, "calls"), f"{HELD:,} calls are answered before the first media flows")
