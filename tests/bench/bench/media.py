# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast media is forwarded, which no process of ours sees: beside the same firewall without us."""

import statistics

from bench import programs
from bench.results import Row, ratio_at_least
from bench.site import PAIRS, Site

ROUNDS = 3
SECONDS = 0.8
PINHOLES = (10, 1000, 100_000)
# What one processor can forward is the media of some thousand calls at most; the other pinholes are silent.
STREAMS = 1000


def _forwarded(site, streams):
    """Packets for each second of the processor that forwards, and the share that did not arrive."""
    results = [programs.load("media_load", *site.hosts(PAIRS[0]), first_host=PAIRS[0]["first_host"], streams=streams,
                             seconds=SECONDS, processor=site.load_place) for _ in range(ROUNDS)]
    lost = max(1 - result["received"] / result["sent"] for result in results)
    return statistics.median(result["sent"] / result["cpu_seconds"] for result in results), lost


def _streams(pinholes):
    return min(pinholes // 2, STREAMS)


def media():
    for passage in ("admit", "mark"):
        with Site(passage__mode=passage) as site:
            before = {}
            for pinholes in PINHOLES:
                with site.nothing():
                    before[pinholes] = _forwarded(site, _streams(pinholes))[0]
            ours = {}
            for pinholes in PINHOLES:
                with site.daemon():
                    made = programs.load("call_load", *site.hosts(PAIRS[0]), first_host=PAIRS[0]["first_host"],
                                         hold=pinholes // 2, leave=True, window=128)
                    assert made["held"] == pinholes // 2, made
                    ours[pinholes] = _forwarded(site, _streams(pinholes))
            for pinholes in PINHOLES:
                with site.nothing():
                    plain = (before[pinholes] + _forwarded(site, _streams(pinholes))[0]) / 2
                pps, lost = ours[pinholes]
                beside = pps / ours[PINHOLES[0]][0]
                yield Row(f"media with {pinholes:,} pinholes, {passage} / no daemon", pps, plain,
                          "packets/s of a processor", ratio_at_least(0.97),
                          f"{beside:.2f} of that with {PINHOLES[0]}; {_streams(pinholes):,} streams, {lost:.1%} lost; "
                          "what is missing are our table's rules and set lookups", failed=lost > 0.001)
