# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast media is forwarded, which no process of ours sees: beside the same firewall without us."""

import statistics

from bench import programs
from bench.results import Row, ratio_at_least
from bench.site import PAIRS, Site

# By turns with and without our table, so that what else the machine does meets both. The kernel alone forwards media: the daemon is
# stopped meanwhile.
ROUNDS = 9
SECONDS = 0.25
PINHOLES = (10, 1000, 100_000)
# What one processor can forward is the media of some thousand calls at most; the other pinholes are silent.
STREAMS = 1000
# With how many our chains are tried without their questions, and with the traffic of others.
ASKED_NOTHING = 1000
OTHERS = {
    "TCP": {"other_port": 443, "tcp": True},
    "UDP, a low port": {"other_port": 443},
    "UDP, high ports": {"other_port": 4500},
}


def _forward(site, pinholes, pair=PAIRS[0], **other):
    """Packets for each second of the processor that forwards, and the share that did not arrive."""
    result = programs.load("media_load", *site.hosts(pair), first_host=pair["first_host"], address=pair["address"],
                           streams=_streams(pinholes), seconds=SECONDS, processor=site.load_place, **other)
    return result["sent"] / result["cpu_seconds"], 1 - result["received"] / result["sent"]


def _streams(pinholes):
    return min(pinholes // 2, STREAMS)


def _beside_no_daemon(site, pinholes, **what):
    """By turns with our table and without: both rates, and the largest share that was lost with it."""
    ours, plain, lost = [], [], 0
    _forward(site, pinholes, **what)
    for _ in range(ROUNDS):
        rate, missing = _forward(site, pinholes, **what)
        ours.append(rate)
        lost = max(lost, missing)
        with site.dormant():
            plain.append(_forward(site, pinholes, **what)[0])
    return ours, plain, lost


def media():
    for passage in ("admit", "mark"):
        with Site(passage__mode=passage) as site:
            first = None
            for pinholes in PINHOLES:
                with site.daemon() as daemon:
                    made = programs.load("call_load", *site.hosts(PAIRS[0]), first_host=PAIRS[0]["first_host"],
                                         hold=pinholes // 2, leave=True, window=128)
                    assert made["held"] == pinholes // 2, made
                    daemon.stop()  # its table stays
                    ours, plain, lost = _beside_no_daemon(site, pinholes)
                    if pinholes == ASKED_NOTHING:
                        others = {name: _beside_no_daemon(site, pinholes, pair=PAIRS[1], **what)
                                  for name, what in OTHERS.items()}
                        site.ask_media_nothing()
                        unasked, beside, _ = _beside_no_daemon(site, pinholes)
                    daemon.start()
                shares = [one / other for one, other in zip(ours, plain)]
                first = first or statistics.median(ours)
                yield Row(f"media with {pinholes:,} pinholes, {passage} / no daemon", statistics.median(ours),
                          statistics.median(plain), "packets/s of a processor", ratio_at_least(0.97),
                          f"{statistics.median(ours) / first:.2f} of that with {PINHOLES[0]}; {_streams(pinholes):,} streams, "
                          f"{lost:.1%} lost; the turns {min(shares):.2f} to {max(shares):.2f}", failed=lost > 0.001,
                          limit="each packet is asked whether its pinhole is open still, keeps it open, and is counted; a few "
                                "sets in which the processor's cache finds less the more there are. With no questions: see our "
                                "chains alone")
                if pinholes == ASKED_NOTHING:
                    yield Row(f"media past our chains alone, {passage} / no daemon", statistics.median(unasked),
                              statistics.median(beside), "packets/s of a processor", None,
                              "every question taken out: what no rule of ours could do better than")
                    for name, (rates, without, missing) in others.items():
                        yield Row(f"others' traffic, {name}, {passage} / no daemon", statistics.median(rates),
                                  statistics.median(without), "packets/s of a processor", None,
                                  f"packets of 200 bytes and {pinholes:,} pinholes of others, {missing:.1%} lost",
                                  failed=missing > 0.001)
