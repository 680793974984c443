# SPDX-License-Identifier: GPL-2.0-or-later
"""This machine as the gateway of the lab: its hosts are namespaces, its gateway is the system itself."""

import os
import shutil
import subprocess
from pathlib import Path

from lab import firewall, namespaces
from lab.scene import Scene, audio, establish, sdp
from lab.topology import GATEWAY_OUTSIDE, Host, Lab

UNIT = "messenger-alg.service"
DROP_IN = Path(f"/etc/systemd/system/{UNIT}.d/test.conf")
CONFIG = Path("/etc/messenger-alg/messenger-alg.toml")


class ThisMachine(Host):
    """Not a namespace of its own, but a name for the one that everything here runs in."""

    def __init__(self):
        self.host = "gateway"
        self.name = namespaces.own_name(self.host)
        self.ip4, self.ip6 = GATEWAY_OUTSIDE
        namespaces.give_name(self.name)
        self.sysctl("net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")


class SystemLab(Lab):
    def _make_gateway(self):
        return ThisMachine()


class SystemScene(Scene):
    """A scene on a lab that stays; firewall and daemon are services of the system."""

    def __init__(self, lab, family=4, transport="udp"):
        super().__init__(family, transport, daemon=False)
        self.lab = lab

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, inside_port, outside_port):
        """A call that stands, and its media: (the caller's side, the called agent, media)."""
        caller, callee = self.agent(self.lab.inside), self.agent(self.lab.peer)
        media = self.media(inside_port, outside_port)
        media.assert_inbound_blocked()
        offer, answer = sdp(caller.address[0], audio(inside_port)), sdp(callee.address[0], audio(outside_port))
        call, _ = establish(caller, callee, offer, answer)
        return call, callee, media


def write_operators_firewall(nat=False):
    rules = firewall.ruleset(nat=["outside"] if nat else ())
    Path("/etc/nftables.conf").write_text("#!/usr/sbin/nft -f\nflush ruleset\n" + rules)


def with_drop_in(text):
    """Settings of the unit for one chapter."""
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text(text)
    subprocess.run(["systemctl", "daemon-reload"], check=True)


def without_drop_in():
    shutil.rmtree(DROP_IN.parent, ignore_errors=True)
    subprocess.run(["systemctl", "daemon-reload"], check=True)


def unit_property(name):
    return subprocess.run(["systemctl", "show", "-P", name, UNIT], capture_output=True, text=True).stdout.strip()


def journal():
    command = ["journalctl", "-u", UNIT, "-o", "cat", "--no-pager"]
    return subprocess.run(command, capture_output=True, text=True, errors="replace").stdout


def process_status():
    """/proc/PID/status of the daemon as a dictionary."""
    return _status_of(unit_property("MainPID"))


def warden_status():
    """The same of its child that keeps CAP_NET_ADMIN."""
    pid = unit_property("MainPID")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = [status for status in map(_status_of, children) if status["Name"] == "messenger-wardn"]
    assert len(found) == 1, children
    return found[0]


def _status_of(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def files_of_the_system():
    """Every file that a package may leave behind; what apt, dpkg and systemd keep about themselves is not the package's."""
    theirs = ("/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log", "/var/lib/systemd", "/var/lib/private", "/var/tmp")
    found = set()
    for top in ("/etc", "/usr", "/var", "/run/messenger-alg", "/run/systemd/system", "/lib/systemd"):
        for folder, names, files in os.walk(top):
            names[:] = [name for name in names if not os.path.join(folder, name).startswith(theirs)]
            found.update(os.path.join(folder, name) for name in (*names, *files))
    return found
