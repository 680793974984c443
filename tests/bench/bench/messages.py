# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages that open nothing: what they cost, how many pass, how long they take."""

import contextlib
import statistics
import time

from bench import programs
from bench.processors import Meter
from bench.results import Row, ours_at_most, ratio_at_least, ratio_at_most
from bench.site import PAIRS, Site

ROUNDS = 3
RATES = (10_000, 50_000)  # one at which a wake-up is for one packet, and one at which it is for several
BATCH = 64
SHARES = (0.1, 0.5, 0.9)
HELD = 20_000

# Whoever reads messages from outside has no privileges here; the bare loop is root.
NO_PRIVILEGES = ("the reader of messages may not give verdicts: a second process does, and each waking of it costs a switch; below "
                 "16,000 messages a second none waits for others, so each wakes both (see the loop of two processes)")
WAITS_FOR_OTHERS = ("from 16,000 messages a second on, one waits up to a quarter of a millisecond for others, which halves what each "
                    "costs (queue.gather)")
CALLS = 1000  # a second


def _load(site, pair=PAIRS[0], **options):
    inside, outside = site.hosts(pair)
    return programs.load("message_load", inside, outside, processor=site.load_place, **options)


@contextlib.contextmanager
def _pids_of_daemon(site):
    with site.daemon() as daemon:
        yield daemon.pids


def _cost(site, running, rate):
    """Microseconds of processor for a message."""
    with running as pids:
        _load(site, rate=rate, seconds=0.2)
        meter = Meter(*pids)
        result = _load(site, rate=rate, seconds=1.5)
        return meter.seconds() * 1e6 / result["received"]


def message_cpu():
    with Site() as site:
        for rate in RATES:
            costs = {"daemon": [], "bare": [], "batching": [], "handing over": []}
            for _ in range(ROUNDS):
                costs["daemon"].append(_cost(site, _pids_of_daemon(site), rate))
                costs["bare"].append(_cost(site, site.bare(), rate))
                costs["batching"].append(_cost(site, site.bare(BATCH), rate))
                costs["handing over"].append(_cost(site, site.bare(BATCH, hand_over=True), rate))
            ours, bare, batching, handing_over = map(statistics.median, costs.values())
            yield Row(f"CPU per message, {rate:,}/s / bare loop", ours, bare, "us", ratio_at_most(1.15),
                      "messages of 570 bytes; the loop makes two system calls for each", limit=NO_PRIVILEGES)
            yield Row(f"CPU per message, {rate:,}/s / batching loop", ours, batching, "us", None,
                      f"a loop that reads {BATCH} packets and sends {BATCH} verdicts at once")
            yield Row(f"CPU per message, {rate:,}/s / loop of two processes", ours, handing_over, "us", None,
                      f"the same, and a second process sends the verdicts: {handing_over / bare:.2f} of the bare loop")


class _Kind:
    """One of what is compared, in the rows below."""

    def __init__(self, name, make):
        self.name = name
        self.make = make
        self.capacity = None
        self.delays = {}  # share -> (p50, p99), microseconds

    def measure_capacity(self, site):
        with self.make():
            results = [_load(site, seconds=1.5) for _ in range(2)]
        self.capacity = max(result["received"] / result["seconds"] for result in results)

    def measure_delays(self, site, capacity):
        with self.make():
            _load(site, rate=1000, seconds=0.2)
            for share in SHARES:
                results = [_load(site, rate=int(capacity * share), seconds=1) for _ in range(ROUNDS)]
                self.delays[share] = tuple(statistics.median(result[key] for result in results) / 1000
                                           for key in ("p50_ns", "p99_ns"))


def throughput():
    with Site() as site:
        kinds = {kind.name: kind for kind in (
            _Kind("daemon", site.daemon), _Kind("bare loop", site.bare),
            _Kind("loop of two processes", lambda: site.bare(hand_over=True)), _Kind("nothing", site.nothing))}
        has_helper = site.has_helper()
        if has_helper:
            kinds["kernel helper"] = _Kind("kernel helper", site.helper)
        for kind in kinds.values():
            kind.measure_capacity(site)
        capacity = kinds["daemon"].capacity
        for kind in kinds.values():
            kind.measure_delays(site, capacity)
    yield from _throughput_rows(kinds, has_helper)
    yield from _delay_rows(kinds, capacity)


def _throughput_rows(kinds, has_helper):
    ours = kinds["daemon"].capacity
    yield Row("throughput / bare loop", ours, kinds["bare loop"].capacity, "messages/s",
              ratio_at_least(1 / 1.15, "ratio >= 0.87"), "each on one processor, the load on the other")
    yield Row("throughput / loop of two processes", ours, kinds["loop of two processes"].capacity, "messages/s", None,
              "a bare loop, and a second process sends its verdicts")
    if has_helper:
        yield Row("throughput / kernel helper", ours, kinds["kernel helper"].capacity, "messages/s", None,
                  "the helper reads in the sender's context, and nothing is queued")
    else:
        yield Row("throughput / kernel helper", ours, None, "messages/s", None, "this kernel has no sip helper")
    yield Row("throughput / no gateway", ours, kinds["nothing"].capacity, "messages/s", None, "plain forwarding")


def delays():
    """What the daemon does now and then for calls that are held must not keep messages waiting."""
    caller, writer = PAIRS
    with Site() as site, site.daemon():
        def longest_delay(seconds):
            result = _load(site, writer, **{"from": "10.1.2.11"}, to=writer["address"], rate=500, seconds=seconds)
            return result["max_ns"] / 1e6, result["p99_ns"] / 1e6

        alone, alone_p99 = longest_delay(10)
        held = programs.load("call_load", *site.hosts(caller), first_host=caller["first_host"], hold=HELD, leave=True,
                             window=128)["held"]
        # Long enough for all that happens once a minute.
        longest, p99 = longest_delay(70)
        yield Row(f"longest delay of a message with {HELD:,} calls held / with none", longest, alone, "ms",
                  ours_at_most(50, "ms"), f"500 a second for 70 s; p99 {p99:.2f} and {alone_p99:.2f} ms", failed=held != HELD)


def gathering():
    """What packets that change something in the kernel wait for each other, at a rate of calls at which they do."""
    caller, writer = PAIRS
    times = []
    for config in ({}, {"queue__gather": "0s"}):
        with Site(**config) as site, site.daemon():
            making_calls = programs.Load("call_load", *site.hosts(caller), first_host=caller["first_host"], rate=CALLS, seconds=3,
                                         processor=site.load_place)
            time.sleep(0.5)
            result = _load(site, writer, **{"from": "10.1.2.11"}, to=writer["address"], rate=500, seconds=2)
            making_calls.result()
            times.append((result["p50_ns"] / 1e6, result["p99_ns"] / 1e6))
    for place, name in enumerate(("p50", "p99")):
        yield Row(f"time of a message beside {CALLS:,} calls/s, {name} / none waits", times[0][place], times[1][place], "ms", None,
                  "500 messages a second; what a call costs less for it, see above")


def _delay_rows(kinds, capacity):
    plain = kinds["nothing"].delays
    for share in SHARES:
        for place, name in enumerate(("p50", "p99")):
            added = {kind.name: max(kind.delays[share][place] - plain[share][0], 0.1) for kind in kinds.values()}
            aim = ratio_at_most(1.5) if name == "p99" else None
            others = ", ".join(f"{other} {delay:.0f} us" for other, delay in added.items()
                               if other not in ("daemon", "bare loop"))
            yield Row(f"added latency {name} at {share:.0%} / bare loop", added["daemon"], added["bare loop"], "us",
                      aim, f"{capacity * share:,.0f} messages/s; {others}",
                      limit=NO_PRIVILEGES if share == SHARES[0] else WAITS_FOR_OTHERS)


def workers():
    """Two queues against one. With one worker for each, two processors would do nearly twice as much."""
    rates = {}
    for queues in ("200", "200-201"):
        with Site(queue__signalling=queues) as site, site.daemon(pinned=False):
            results = []
            for _ in range(2):
                loads = [programs.Load("message_load", *site.hosts(pair), seconds=2, window=128, to=pair["address"],
                                       **({"from": {"inside": "10.1.2.10", "inside2": "10.1.2.11"}[pair["inside"]]}))
                         for pair in PAIRS]
                done = [load.result() for load in loads]
                results.append(sum(one["received"] / one["seconds"] for one in done))
            rates[queues] = max(results)
    yield Row("two queues / one queue", rates["200-201"], rates["200"], "messages/s",
              ratio_at_least(1.7, "near-linear"),
              "one thread reads all queues; the two generators need the second processor",
              limit="one thread reads all queues, and its warden, which gives the verdicts, has the second processor: more queues "
                    "are more room for bursts, not more speed")
