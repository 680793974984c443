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


def _cost(site, *pids):
    """Microseconds of processor for a call, and how many were lost."""
    _load(site, rate=RATE, seconds=0.3, first_call=500_000, processor=site.load_place)
    meter = Meter(*pids)
    result = _load(site, rate=RATE, seconds=2, processor=site.load_place)
    ended = sum(result[part]["ended"] for part in ("sustained", "end"))
    return meter.seconds() * 1e6 / max(ended, 1), _lost(result)


def call_cpu():
    costs = {"daemon": [], "bare": [], "handing over": []}
    lost = 0
    with Site() as site:
        for _ in range(ROUNDS):
            with site.daemon() as daemon:
                cost, missing = _cost(site, *daemon.pids)
                costs["daemon"].append(cost)
                lost += missing
            with site.bare() as pids:
                costs["bare"].append(_cost(site, *pids)[0])
            with site.bare(hand_over=True) as pids:
                costs["handing over"].append(_cost(site, *pids)[0])
    ours, bare, handing_over = map(statistics.median, costs.values())
    yield Row("CPU per call / bare loop", ours, bare, "us",
              ratio_at_most(1.5),
              f"{RATE:,} calls/s, {lost} lost; beside five verdicts, two pinholes, their counters and two conntrack entries",
              failed=lost > 0,
              limit="the kernel's part of sixteen changes of its sets, eight looks into them and two conntrack entries, however many "
                    "calls share a transaction; that loop opens nothing")
    yield Row("CPU per call / loop of two processes", ours, handing_over, "us", None,
              f"the same loop, and a second process sends the verdicts: {handing_over / bare:.2f} of the bare loop")


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
            seconds = result["ramp"]["seconds"]
            yield Row(f"transactions, {window} calls at a time", count / seconds, None, "per second", None,
                      f"{opened / seconds:,.0f} pinholes a second")


def _both(site, **options):
    """Two generators, each with callers of its own: what both found out."""
    loads = [programs.Load("call_load", *site.hosts(pair), **_options(pair), hold=HELD // 2, **options)
             for pair in PAIRS]
    return [load.result() for load in loads]


class _Sustained:
    """Calls set up and ended as fast as it goes, while others are held."""

    def __init__(self, site):
        site.set_udp_timeout(3)
        results = _both(site, seconds=SUSTAINED)
        self.rate = sum(result["sustained"]["up"] / result["sustained"]["seconds"] for result in results)
        self.held = sum(result["ramp"]["up"] for result in results)
        self.lost = sum(map(_lost, results))


def _without_late_media(site):
    """Answered calls whose media begins late: how many of HELD have not got it."""
    site.set_udp_timeout(30)
    return sum(result["late_lost"] for result in _both(site, media_late=True))


def rate():
    with Site() as site:
        with site.daemon(pinned=False):
            ours = _Sustained(site)
            refused = site.refused_transactions()
        with site.daemon(pinned=False):
            late = _without_late_media(site)
        failed = ours.lost > 0 or ours.held != HELD
        how = f"{SUSTAINED} s with {ours.held:,} held, {ours.lost} lost, {refused} transactions refused"
        with site.bare(pinned=False):
            bare = _Sustained(site)
        yield Row("calls set up / bare loop", ours.rate, bare.rate, "calls/s", None,
                  f"what reading five messages of a call from a queue leaves, where nothing is opened; {bare.lost} lost")
        if not site.has_helper():
            yield Row("calls set up / kernel helper", ours.rate, None, "calls/s", None,
                      f"{how}; this kernel has no sip helper", failed=failed)
            return
        for name, expectations in (("as it ships", None), ("enlarged", ENLARGED)):
            with site.helper(expectations):
                peer = _Sustained(site)
            with site.helper(expectations):
                peer_late = _without_late_media(site)
            yield Row(f"calls set up / kernel helper {name}", ours.rate, peer.rate, "calls/s", ratio_at_least(1),
                      f"{how}; the helper: {peer.held:,} held, {peer.lost:,} lost", failed=failed,
                      limit="the helper works where the packet is; five messages of a call that go to a process and back cost more "
                            "than all it does (see the bare loop, which opens nothing)")
            yield Row(f"calls without their late media / kernel helper {name}", late, peer_late, f"of {HELD:,} calls",
                      ours_at_most(0, "calls"), f"{HELD:,} calls are answered before the first media flows")
