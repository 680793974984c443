# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's network with one of several things in the gateway: the daemon, the bare loop in its place, the kernel's own
helper, or nothing."""

import contextlib
from pathlib import Path

from bench import processors
from bench.programs import bare_queue
from lab.ctl import Ctl
from lab.daemon import Daemon
from lab.firewall import MARK_RULE, ruleset
from lab.namespaces import CommandFailed
from lab.topology import Lab

SIGNALLING_QUEUE, ADMIT_QUEUE = 200, 210

# What the rows need more of than an office does; everything else as it ships.
CONFIG = {
    "log.level": "info",
    "limits.calls": 400_000,
    "limits.calls_per_host": 100_000,
    "limits.pinholes": 400_000,
    "limits.pinholes_per_host": 200_000,
    "limits.messages_per_second": 0,
    # Calls that are held here have no media, or a packet of it.
    "timeouts.first_packet": "1h",
}

# Two callers and two who are called, so that two generators never see each other's packets: the options of call_load.
# The 60 addresses from first_host on are the inside host's own.
PAIRS = (
    {"inside": "inside", "outside": "peer", "first_host": 128, "address": "203.0.113.30"},
    {"inside": "inside2", "outside": "third", "first_host": 192, "address": "203.0.113.66"},
)

# Nobody listens at the ports of the hosts: what has arrived has been seen on the wire, and nothing is to answer it.
_QUIET = "table ip quiet { chain input { type filter hook input priority 0; meta l4proto { tcp, udp } drop; }; }"

_HELPER = """\
table inet sip_helper {
    ct helper sip_udp { type "sip" protocol udp; }
    chain assign {
        type filter hook prerouting priority filter;
        udp dport 5060 ct helper set "sip_udp"
    }
}
"""

_EXPECT_MAX = Path("/proc/sys/net/netfilter/nf_conntrack_expect_max")


class Site:
    """A context manager; what stands in the gateway is another one inside it, as often as wanted."""

    def __init__(self, **config):
        """config: of the daemon, over CONFIG; passage__mode="mark" is passage.mode."""
        self._config = {**CONFIG, **{key.replace("__", "."): value for key, value in config.items()}}
        self._mark = self._config.get("passage.mode") == "mark"
        self.place, self.load_place = processors.places()

    def __enter__(self):
        self.lab = Lab().__enter__()
        try:
            self._leave_bridges_alone()
            for pair in PAIRS:
                inside, outside = self.hosts(pair)
                first = pair["first_host"]
                inside.ip("route", "add", "local", f"10.1.2.{first}/26", "dev", "lo")
                for host in (inside, outside):
                    host.run("nft", "-f", "-", stdin=_QUIET)
            self.set_firewall()
        except BaseException:
            self.lab.close()
            raise
        return self

    def __exit__(self, *_):
        self.lab.close()

    def _leave_bridges_alone(self):
        """The wires are bridges, whose frames would go through empty IP hooks where br_netfilter is there: on both
        sides of each comparison, but no real wire does it."""
        switch = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
        with self.lab.wire.entered():
            if switch.exists():
                switch.write_text("0")

    def hosts(self, pair):
        return getattr(self.lab, pair["inside"]), getattr(self.lab, pair["outside"])

    def set_firewall(self, permissive=False):
        text = "table inet filter\ndelete table inet filter\n"
        self.lab.gateway.run("nft", "-f", "-", stdin=text + ruleset(MARK_RULE if self._mark else "", permissive))

    def set_udp_timeout(self, seconds):
        """Of conntrack, whether packets have gone both ways or not. So short that what ended calls leave behind does not
        fill its table within a run."""
        for name in ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"):
            self.lab.gateway.sysctl(f"net.netfilter.{name}={seconds}")

    def forget_flows(self):
        """What the run before left in conntrack."""
        self.lab.gateway.run("conntrack", "-F")

    def _remove(self, table):
        self.lab.gateway.run("nft", "-f", "-", stdin=f"table inet {table}\ndelete table inet {table}\n")

    @contextlib.contextmanager
    def daemon(self, pinned=True):
        """Yields the Daemon, started."""
        daemon = Daemon(self.lab, self._config).start()
        try:
            if pinned:
                for pid in daemon.pids:
                    processors.put_on(pid, self.place)
            yield daemon
            daemon.stop()
        finally:
            daemon.close()
            self._remove("messenger_alg")
            self.forget_flows()

    @contextlib.contextmanager
    def bare(self, batch=1, hand_over=False, pinned=True):
        """The loop with the daemon's own rules, all but what lets media in: so the firewall lets everything through.
        Yields the PIDs of its processes."""
        daemon = Daemon(self.lab, self._config).start()
        daemon.stop()  # its table stays
        self.set_firewall(permissive=True)
        try:
            with bare_queue(self.lab.gateway, (SIGNALLING_QUEUE, ADMIT_QUEUE), batch, hand_over,
                            self.place if pinned else None) as pids:
                yield pids
        finally:
            self._remove("messenger_alg")
            self.set_firewall()
            self.forget_flows()

    @contextlib.contextmanager
    def dormant(self):
        """As if the daemon's table were not there; its elements stay. For when the daemon has been stopped."""
        self.lab.gateway.run("nft", "add table inet messenger_alg { flags dormant; }")
        try:
            yield
        finally:
            self.lab.gateway.run("nft", "add table inet messenger_alg")

    def ask_media_nothing(self):
        """Takes every question out of the way that media goes: what is left is that our chains are there. For when the
        daemon has been stopped; its next start makes the table anew."""
        chains = ["media"] if self._mark else ["admit", "media"]
        flushed = "".join(f"flush chain inet messenger_alg {chain}\n" for chain in chains)
        self.lab.gateway.run("nft", "-f", "-", stdin=f"{flushed}add rule inet messenger_alg media accept\n")

    @contextlib.contextmanager
    def nothing(self):
        """The operator's firewall alone."""
        yield
        self.forget_flows()

    def has_helper(self):
        try:
            self.lab.gateway.run("nft", "--check", "-f", "-", stdin=_HELPER)
        except CommandFailed:
            return False
        return True

    @contextlib.contextmanager
    def helper(self, expectations=None):
        """The kernel's sip helper. expectations: the size of its table, meanwhile; the whole machine has one."""
        before = _EXPECT_MAX.read_text()
        try:
            if expectations:
                _EXPECT_MAX.write_text(str(expectations))
            self.lab.gateway.run("nft", "-f", "-", stdin=_HELPER)
            yield
        finally:
            if expectations:
                _EXPECT_MAX.write_text(before)
            self._remove("sip_helper")
            self.forget_flows()

    def refused_transactions(self):
        """How often the kernel did not take a change of the daemon's: calls that it opened nothing for."""
        return int(self.metrics()["transaction_failures_total"])

    def ctl(self):
        return Ctl(self)

    def metrics(self):
        """{name without prefix: sum over its labels}"""
        found = {}
        for one in self.ctl().json("metrics")["metrics"]:
            if "value" in one:
                name = one["name"].removeprefix("messenger_alg_")
                found[name] = found.get(name, 0) + one["value"]
        return found
