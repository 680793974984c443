# SPDX-License-Identifier: GPL-2.0-or-later
"""The network of the lab:

    inside  10.1.2.10  2001:db8:1::10 --+
    inside2 10.1.2.11  2001:db8:1::11 --+-- [inside] gateway [outside] --+-- server 198.51.100.20 2001:db8:2::20
                                           10.1.2.1  192.0.2.201         +-- peer   203.0.113.30  2001:db8:2::30
                                      2001:db8:1::1  2001:db8:2::1       +-- third  203.0.113.66  2001:db8:2::66

The two wires are bridges in a namespace of their own ("wire"), so no hook of a host's firewall sees bridged frames. The
outside hosts share one segment and have no route to 10.1.2.0/24 but the gateway. With address translation (routed=False)
they have none at all.

With two_ways=True the gateway has a second way out, with a host of its own behind it:

    gateway [outside2] 198.18.0.201 2001:db8:3::1 ---- far 198.18.7.30 2001:db8:3::30
"""

import ipaddress
import signal
import tempfile
from pathlib import Path

from lab import namespaces
from lab.namespaces import Namespace

INSIDE_NETWORKS = ("10.1.2.0/24", "2001:db8:1::/64")

LAN_HOSTS = {
    "inside": ("10.1.2.10", "2001:db8:1::10"),
    "inside2": ("10.1.2.11", "2001:db8:1::11"),
}
INTERNET_HOSTS = {
    "server": ("198.51.100.20", "2001:db8:2::20"),
    "peer": ("203.0.113.30", "2001:db8:2::30"),
    "third": ("203.0.113.66", "2001:db8:2::66"),
}
GATEWAY_INSIDE = ("10.1.2.1", "2001:db8:1::1")
# Longer than the inside addresses: messages that name it in their place grow.
GATEWAY_OUTSIDE = ("192.0.2.201", "2001:db8:2::1")
INTERNET_ROUTES = ("198.51.100.0/24", "203.0.113.0/24")
FAR_HOST = ("198.18.7.30", "2001:db8:3::30")
GATEWAY_OUTSIDE2 = ("198.18.0.201", "2001:db8:3::1")
FAR_ROUTE = "198.18.7.0/24"


class Host(Namespace):
    """A namespace with one interface and one address of each family."""

    def __init__(self, name, addresses):
        super().__init__(name)
        self.ip4, self.ip6 = addresses
        # Addresses are usable at once: nobody else is on these wires to have them already.
        self.sysctl("net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")

    def sysctl(self, *settings):
        """Of the network alone: names that begin with "net."."""
        with self.entered():
            for name, _, value in (setting.partition("=") for setting in settings):
                Path("/proc/sys", *name.split(".")).write_text(value)

    def address(self, family):
        """family: 4 or 6."""
        return self.ip4 if family == 4 else self.ip6


def _interrupt(*_):
    """A terminated run ends and cleans up like an interrupted one; pytest would take a SystemExit for a failed test."""
    raise KeyboardInterrupt


class Lab:
    """Use as a context manager: whatever ends the block, the namespaces and the processes in them are gone after it."""

    def __init__(self, routed=True, two_ways=False):
        self.routed = routed
        self.two_ways = two_ways
        self.hosts = []
        self.directory = None
        # `ip` commands by host, for one process each.
        self._plugging = {}

    def __enter__(self):
        namespaces.remove_leftovers()
        self._old_term = signal.signal(signal.SIGTERM, _interrupt)
        self._tmp = tempfile.TemporaryDirectory(prefix=namespaces.own_name(""))
        self.directory = self._tmp.name
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        namespaces.remove([host.name for host in self.hosts])
        self.hosts.clear()
        self._tmp.cleanup()
        signal.signal(signal.SIGTERM, self._old_term)

    def _build(self):
        self.wire = self._keep(Namespace("wire"))
        self._plugging[self.wire] = []  # the first: the others' interfaces are ends of its own
        for bridge in ("lan", "internet"):
            self._make_bridge(bridge)

        self.gateway = self._keep(self._make_gateway())
        self._plug(self.gateway, "inside", "lan", GATEWAY_INSIDE)
        routes = [f"route add {net} dev outside" for net in INTERNET_ROUTES]
        self._plug(self.gateway, "outside", "internet", GATEWAY_OUTSIDE, routes)
        self.gateway.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")

        for name, addresses in LAN_HOSTS.items():
            host = self._keep(Host(name, addresses))
            routes = [f"route add default via {GATEWAY_INSIDE[0]}", f"route add default via {GATEWAY_INSIDE[1]}"]
            self._plug(host, "eth0", "lan", addresses, routes)
            setattr(self, name, host)
        for name, addresses in INTERNET_HOSTS.items():
            host = self._keep(Host(name, addresses))
            routes = [f"route replace {net} dev eth0 src {addresses[0]}" for net in INTERNET_ROUTES]
            routes.append(f"route add {GATEWAY_OUTSIDE[0]}/32 dev eth0 src {addresses[0]}")
            if self.routed:
                routes.append(f"route add {INSIDE_NETWORKS[0]} via {GATEWAY_OUTSIDE[0]}")
                routes.append(f"route add {INSIDE_NETWORKS[1]} via {GATEWAY_OUTSIDE[1]}")
            self._plug(host, "eth0", "internet", addresses, routes)
            setattr(self, name, host)
        if self.two_ways:
            self._build_second_way()
        for host, commands in self._plugging.items():
            host.ip_batch(*commands)

    def _build_second_way(self):
        self._make_bridge("elsewhere")
        self._plug(self.gateway, "outside2", "elsewhere", GATEWAY_OUTSIDE2, [f"route add {FAR_ROUTE} dev outside2"])
        self.far = self._keep(Host("far", FAR_HOST))
        routes = [f"route add {GATEWAY_OUTSIDE2[0]}/32 dev eth0 src {FAR_HOST[0]}"]
        if self.routed:
            routes.append(f"route add {INSIDE_NETWORKS[0]} via {GATEWAY_OUTSIDE2[0]}")
            routes.append(f"route add {INSIDE_NETWORKS[1]} via {GATEWAY_OUTSIDE2[1]}")
        self._plug(self.far, "eth0", "elsewhere", FAR_HOST, routes)

    def _make_bridge(self, name):
        self._plugging[self.wire] += [
            f"link add {name} type bridge stp_state 0 mcast_snooping 0",
            f"link set {name} up",
        ]

    def _make_gateway(self):
        """The system test has the whole machine in its place."""
        return Host("gateway", GATEWAY_OUTSIDE)

    def _keep(self, host):
        self.hosts.append(host)
        return host

    def _plug(self, host, interface, bridge, addresses, routes=()):
        """Connects a host to one of the wires. routes: `ip` commands for when it is."""
        port = f"{bridge[:3]}-{host.host}"
        self._plugging[self.wire] += [
            f"link add {port} type veth peer name {interface} netns {host.name}",
            f"link set {port} master {bridge} up",
        ]
        commands = ["link set lo up"]
        for address in addresses:
            length = ipaddress.ip_address(address).max_prefixlen
            length = 24 if length == 32 else 64
            # Usable at once, whatever the kernel's worker for duplicate addresses has to do first.
            at_once = " nodad" if ":" in str(address) else ""
            commands.append(f"address add {address}/{length} dev {interface}{at_once}")
        self._plugging.setdefault(host, []).extend([*commands, f"link set {interface} up", *routes])
