# SPDX-License-Identifier: GPL-2.0-or-later
"""Hundreds of calls while everything goes wrong that can go wrong on a gateway: the daemon is killed, stopped and
stalled, its configuration is broken, and others delete what is its own. After each trouble the kernel must have exactly
what the calls need that are still alive, and their media must not have stopped.
"""

import argparse
import collections
import os
import random
import resource
import signal
import sys
import threading
import time
from pathlib import Path

from lab.chaos_calls import EDGE, LiveCall, MediaThread, Wire
from lab.namespaces import CommandFailed
from lab.pinholes import pinholes, table_is_whole
from lab.refusal import Refusal
from lab.scene import Scene

AT_ONCE = 40
SETTLE = 2.0  # until the kernel must have what is wanted
MEDIA_SILENCE = 6
REFUSED = 0.3
GONE_WITHIN = 0.05  # all processes of the daemon, once they end
CONFIG = {
    "timeouts.media_silence": f"{MEDIA_SILENCE}s",
    "timeouts.first_packet": f"{MEDIA_SILENCE}s",
    "timeouts.transaction": "2s",
    "network.protected_ports": [],
    "limits.calls": 100_000,
    "limits.calls_per_host": 100_000,
    "limits.messages_per_second": 0,
    "nat.media_ports": "61000-64999",
    "log.level": "notice",
}


class Violation(Exception):
    """The kernel, or the media, is not as it must be."""


class Faults:
    """Each leaves the gateway working, or about to be. BLIND: messages may pass unread meanwhile. CUT: so many seconds
    longer single packets of media may be lost: until what somebody has taken away is put back, and where a table takes
    the place of another one, for the kernel drops what is in a queue just then.
    """

    ENDS = {"kill", "restart"}  # of the daemon: what waits in its queues then is lost, such as a flow's first packet
    BLIND = {"kill", "restart", "delete_table", "flush_ruleset", "flush_ports"}
    CUT = {"flush_set": 1.0, "delete_element": 1.0, "delete_table": 0.3, "flush_ruleset": 0.3, "flush_ports": 0.3,
           "kill": 0.05, "restart": 0.05, "refuse": 1.0}

    def __init__(self, scene, dice):
        self._scene, self._dice = scene, dice
        self._refusal = Refusal(scene.lab.directory)
        scene.start_daemon(through=self._refusal.through)
        self._gateway = scene.lab.gateway
        self._config = Path(scene.lab.directory, "messenger-alg.toml")
        self._extra_address = False
        self.since = 0.0  # when the last one began to make a difference to media
        self.all = {name: getattr(self, name) for name in (
            "kill", "restart", "stall", "reload", "reload_broken", "flush_set", "flush_ports", "delete_element",
            "delete_table", "flush_ruleset", "change_address", "refuse")}

    def _nft(self, *arguments):
        try:
            self._gateway.run("nft", *arguments)
        except CommandFailed:
            pass  # it is gone already: somebody was quicker, or a timeout was

    def kill(self):
        self._scene.daemon.kill()
        self._come_back()

    def restart(self):
        self._scene.daemon.stop()
        self._come_back()

    def _come_back(self):
        time.sleep(self._dice.random() * 0.2)
        self.since = time.time()  # while it is dead the kernel carries media alone, and loses nothing
        self._refusal.end()
        self._scene.daemon.start(through=self._refusal.through)

    def stall(self):
        """It does not die, but nobody is at home for a while."""
        os.kill(self._scene.daemon.pid, signal.SIGSTOP)
        time.sleep(self._dice.random() * 0.3)
        os.kill(self._scene.daemon.pid, signal.SIGCONT)

    def reload(self):
        os.kill(self._scene.daemon.pid, signal.SIGHUP)

    def reload_broken(self):
        text = self._config.read_text()
        self._config.write_text(text + "\n[limits\nflows = many\n")
        os.kill(self._scene.daemon.pid, signal.SIGHUP)
        time.sleep(0.05)
        self._config.write_text(text)

    def flush_set(self):
        self._nft("flush", "set", "inet", "messenger_alg", self._dice.choice(["pinholes4", "admitted4", "open4"]))

    def flush_ports(self):
        self._nft("flush", "set", "inet", "messenger_alg", "sip_ports")

    def delete_element(self):
        holes = pinholes(self._gateway)
        if holes:
            hole = self._dice.choice(holes)
            key = f"{{ {hole.remote} . {hole.inside} . {hole.proto} . {hole.port} }}"
            self._nft("delete", "element", "inet", "messenger_alg", "pinholes4", key)

    def delete_table(self):
        self._nft("delete", "table", "inet", "messenger_alg")

    def flush_ruleset(self):
        self._scene.firewall.reload()

    def change_address(self):
        """Another address comes to the outside interface, or goes."""
        verb = "delete" if self._extra_address else "add"
        self._extra_address = not self._extra_address
        self._gateway.ip("address", verb, "192.0.2.77/24", "dev", "outside")

    def refuse(self):
        """The kernel has no memory for a while, in which everything else goes on."""
        self._refusal.begin()
        threading.Timer(REFUSED, self._refusal.end).start()


class Chaos:
    """scene: without a daemon."""

    def __init__(self, scene, seed, without=(), at_once=AT_ONCE):
        self._scene = scene
        self._dice = random.Random(seed)
        self._at_once = at_once
        self._faults = Faults(scene, self._dice)
        self._choice = sorted(set(self._faults.all) - set(without))
        self._insides = [scene.agent(host, transport="udp") for host in (scene.lab.inside, scene.lab.inside2)]
        self._outside = scene.agent(scene.lab.peer, transport="udp")
        self._taps = {host.host: scene.tap(host) for host in (scene.lab.inside, scene.lab.inside2, scene.lab.peer)}
        self._wire = Wire(self._at_a_point)
        self._media = scene.keep(MediaThread(at_once))
        self._calls = []  # alive
        self._ended = []  # unread: they may still have something open
        self._armed = None  # (points to go, name of a fault)
        self._blind = False  # since the operation at hand began
        self._cuts = []  # (begin, end) in which media may be lost
        self._strikes = []  # (begin, end, name)
        self.done = collections.Counter()
        self.calls = self.compared = self.packets = self.lost_in_cuts = 0
        self._last = "nothing"

    @property
    def resent(self):
        return self._wire.resent

    # Faults

    def _strike(self, name):
        begin = self._faults.since = time.time()
        self._faults.all[name]()
        self.done[name] += 1
        self._last = name
        self._strikes = [*self._strikes[-200:], (begin, time.time(), name)]
        self._blind = self._blind or name in Faults.BLIND
        if name in Faults.ENDS:
            self._cuts.append((begin - EDGE, begin + GONE_WITHIN))
        if name in Faults.CUT:
            self._cuts.append((self._faults.since - EDGE, time.time() + Faults.CUT[name]))

    def _at_a_point(self):
        if self._armed is None:
            return
        left, name = self._armed
        self._armed = (left - 1, name) if left else None
        if not left:
            self._strike(name)

    # Operations

    def _operate(self, act):
        """act() sends messages. Whether all of them have been read for certain."""
        self._blind = False
        self._read_rest()
        act()
        return not self._blind

    def _read_rest(self):
        """What was sent twice, and ACKs of before."""
        for agent in (*self._insides, self._outside):
            agent.take()

    def begin_call(self):
        call = LiveCall(self._scene, self._wire, self._dice.choice(self._insides), self._outside)
        self._media.add(call.media)
        self._calls.append(call)
        self.calls += 1
        self._make_certain(call, call.begin)

    def _make_certain(self, call, act):
        if self._operate(act):
            call.is_certain_now()
        else:
            self._settle()
            # Once more, with everybody listening: a call is met in its middle, too.
            assert self._operate(call.move), "a fault that nobody ordered"
            call.is_certain_now()

    def _move(self):
        call = self._dice.choice(self._calls)
        call.media.counts_until(time.time())
        self._make_certain(call, call.move)

    def _end(self, call):
        self._calls.remove(call)
        self._ended.append(call)
        if self._operate(lambda: call.end(self._dice.random() < 0.5)):
            call.is_over()
        self._count_media(call)

    def _count_media(self, call):
        time.sleep(0.02)
        self._media.remove(call.media)
        inside = self._taps[call.inside_host]
        lost, counted = call.media.lost(inside, self._taps["peer"])
        call.media.close()
        self.packets += counted
        stray = [(way, moment) for way, moment in lost if not any(a <= moment <= b for a, b in self._cuts)]
        self.lost_in_cuts += len(lost) - len(stray)
        if stray:
            way, moment = stray[0]
            around = ", ".join(f"{name} from {begin - moment:+.3f} to {end - moment:+.3f} s"
                               for begin, end, name in self._strikes if begin - 1 < moment < end + 1)
            last = stray[-1][1] - moment
            raise Violation(f"media of {call.id} was lost: {len(stray)} of {counted} packets, the first one {way}, "
                            f"the last {last:.3f} s later; around it {around or 'nothing'}")

    # The checker

    def difference(self):
        """What is wrong between the kernel and the calls; empty if nothing is."""
        holes = {(hole.remote, hole.inside, hole.proto, hole.port): hole for hole in pinholes(self._scene.lab.gateway)}
        wrong, explained = [], set()
        long_ago = time.monotonic() - MEDIA_SILENCE - 3
        self._ended = [call for call in self._ended if call.state == "ended unread" and call.ended_at > long_ago]
        for call in self._calls + self._ended:
            needs = call.pinholes()
            has = needs & set(holes)
            if call.state == "certain" and has != needs:
                wrong.append(f"{call.id} lacks {sorted(needs - has)}")
            elif call.state == "uncertain" and has not in (set(), needs):
                wrong.append(f"{call.id} has only half: {sorted(has)}")
            unnamed = [key for key in has if call.id not in holes[key].comment]
            if unnamed:
                wrong.append(f"{call.id} is not named by {unnamed}: '{holes[unnamed[0]].comment}'")
            explained |= needs
        surplus = set(holes) - explained
        if surplus:
            wrong.append(f"open without a call: {sorted(surplus)}")
        return wrong

    def _settle(self):
        """Until the kernel is as it must be."""
        deadline = time.monotonic() + SETTLE
        while True:
            wrong = self.difference() if table_is_whole(self._scene.lab.gateway) else ["no table, or no ports in it"]
            if not wrong:
                break
            if time.monotonic() > deadline:
                raise Violation(f"{SETTLE:g} s after {self._last}: " + "; ".join(wrong[:4]))
            time.sleep(0.02)
        self.compared += 1

    def run(self, seconds, enough=lambda: True):
        """For so long, and on until there has been enough: on a busy machine little happens in a second."""
        end = time.monotonic() + seconds
        while time.monotonic() < end or not enough():
            if self._dice.random() < 0.25:
                name = self._dice.choice(self._choice)
                if self._dice.random() < 0.5:
                    self._armed = (self._dice.randrange(3), name)  # in the middle of what comes next
                else:
                    self._strike(name)
                    self._settle()
            lot = self._dice.random()
            alive = len(self._calls)
            if alive < self._at_once // 2 or (lot < 0.4 and alive < self._at_once):
                self.begin_call()
            elif lot < 0.6:
                self._move()
            else:
                self._end(self._dice.choice(self._calls))
            if self._armed is None:
                self._settle()
        self._armed = None
        self._settle()
        for call in list(self._calls):
            self._end(call)
        self._settle()
        self._finish()

    def _finish(self):
        """Every pinhole is gone, those of calls whose BYE nobody read after their silence."""
        deadline = time.monotonic() + MEDIA_SILENCE + 5
        while holes := pinholes(self._scene.lab.gateway):
            if time.monotonic() > deadline:
                raise Violation(f"open after the last call: {holes[:4]}")
            time.sleep(0.1)
        for tap in self._taps.values():
            tap.forget()

    def account(self):
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.done.items()))
        return (f"{self.calls} calls, {sum(self.done.values())} faults ({faults}); {self.resent} messages sent again; "
                f"kernel and calls compared {self.compared} times; {self.packets} packets of media, "
                f"{self.lost_in_cuts} lost while others had cut them off, or the table was made anew")


def main():
    parser = argparse.ArgumentParser(prog="chaos")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--nat", action="store_true")
    parser.add_argument("--calls", type=int, default=AT_ONCE, help="so many at once, at most (default %(default)s)")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--without", action="append", default=[], metavar="FAULT")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    print(f"seed {seed}{', behind NAT' if options.nat else ''}", flush=True)
    needed = 5 * options.calls + 256  # sockets
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), max(hard, needed)))
    with Scene(nat=options.nat, config=CONFIG, daemon=False) as scene:
        chaos = Chaos(scene, seed, options.without, options.calls)
        try:
            chaos.run(options.seconds)
        except (Violation, AssertionError, TimeoutError) as failure:
            print(f"WRONG: {failure}\n{chaos.account()}\nthe daemon's log:\n{scene.daemon.log[-4000:]}")
            sys.exit(1)
        print(f"{chaos.account()}\nThe kernel had exactly what the calls needed, every time.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; the lab is removed")
