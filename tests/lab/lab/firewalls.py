# SPDX-License-Identifier: GPL-2.0-or-later
"""Firewalls as others set them up, in the lab's gateway: what distributions ship, installed and run where that is possible,
else the rules that they make."""

import contextlib
import shutil
import subprocess
from pathlib import Path

from lab.namespaces import wait_until

NFTABLES = """\
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        meta l4proto { icmp, ipv6-icmp } accept
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        %s
    }
}
"""
ESTABLISHED = "ct state established,related accept"
FROM_INSIDE = 'iifname "inside" accept'

# What OpenWrt's fw4 makes of its default configuration (lan, wan), without NAT.
FW4 = """\
table inet fw4 {
    chain input { type filter hook input priority filter; policy drop;
        iif "lo" accept
        ct state vmap { established : accept, related : accept }
        iifname "inside" jump input_lan
    }
    chain forward { type filter hook forward priority filter; policy drop;
        ct state vmap { established : accept, related : accept }
        iifname "inside" jump forward_lan
        iifname "outside" jump forward_wan
        jump handle_reject
    }
    chain input_lan { jump accept_from_lan; }
    chain accept_from_lan { iifname "inside" counter accept; }
    chain forward_lan { jump accept_to_wan; jump accept_to_lan; }
    chain forward_wan { icmp type { echo-reply, destination-unreachable } limit rate 1000/second accept; jump reject_to_wan; }
    chain accept_to_lan { oifname "inside" counter accept; }
    chain accept_to_wan { meta nfproto ipv4 oifname "outside" ct state invalid counter drop; oifname "outside" counter accept; }
    chain reject_to_wan { oifname "outside" counter jump handle_reject; }
    chain handle_reject { meta l4proto tcp reject with tcp reset; reject; }
    chain mangle_prerouting { type filter hook prerouting priority mangle; policy accept; }
    chain raw_prerouting { type filter hook prerouting priority raw; policy accept; }
}
"""

# iptables-nft: with extensions that nft has no words for.
IPTABLES = """\
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate INVALID -j DROP
%s
-A FORWARD -p udp -m multiport --dports 5060,5061 -m comment --comment "phones" -i inside -j ACCEPT
-A FORWARD -p tcp -m multiport --dports 5060,5061 -i inside -j ACCEPT
-A FORWARD -p tcp -j REJECT --reject-with tcp-reset
COMMIT
"""
IPTABLES_ESTABLISHED = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"

# What dockerd (iptables backend) makes of a host with its default bridge.
DOCKER = """\
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
"""


def load_nft(gateway, text):
    gateway.run("nft", "-f", "-", stdin=text)


def load_iptables(gateway, text):
    gateway.run("iptables-nft-restore", stdin=text)


class Ufw:
    """Debian's ufw with folders of its own; in the gateway's namespace its rules are the gateway's."""

    def __init__(self, lab):
        self._gateway = lab.gateway
        self._root = Path(lab.directory) / "ufw"
        for folder in ("etc/ufw", "etc/default", "lib/ufw", "usr/share/ufw"):
            source = Path("/") / folder
            if folder == "etc/default":
                (self._root / folder).mkdir(parents=True)
                shutil.copy("/etc/default/ufw", self._root / folder)
            else:
                shutil.copytree(source, self._root / folder)
        # The kernel's settings are the lab's own.
        default = self._root / "etc/default/ufw"
        default.write_text("".join(line for line in default.read_text().splitlines(True) if not line.startswith("IPT_SYSCTL")))
        self("--force", "enable")

    def __call__(self, *arguments):
        return self._gateway.run("ufw", f"--rootdir={self._root}", f"--datadir={self._root}", *arguments)


class Firewalld:
    """Debian's firewalld, with a bus and a configuration of its own."""

    BUS = """<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth><policy context="default">
        <allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
        <allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
        <allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/>
        <allow receive_type="signal"/></policy></busconfig>"""

    def __init__(self, lab):
        self._gateway = lab.gateway
        self._environment = None
        folder = Path(lab.directory) / "firewalld"
        shutil.copytree("/etc/firewalld", folder / "config")
        bus = folder / "bus"
        (folder / "bus.conf").write_text(self.BUS.format(path=bus))
        self._environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus}", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        self._processes = [self._start("dbus-daemon", "--nofork", f"--config-file={folder}/bus.conf")]
        try:
            wait_until(bus.exists, 5, "the bus")
            for zone, interface in (("internal", "inside"), ("external", "outside")):
                self._run("firewall-offline-cmd", f"--system-config={folder}/config", f"--zone={zone}", f"--add-interface={interface}")
            # The zone for the outside masquerades unless told otherwise.
            self._run("firewall-offline-cmd", f"--system-config={folder}/config", "--zone=external", "--remove-masquerade")
            self._processes.append(
                self._start("firewalld", "--nofork", "--nopid", f"--system-config={folder}/config", f"--log-file={folder}/log")
            )
            wait_until(lambda: "running" in self.try_cmd("--state"), 20, "firewalld", step=0.2)
        except BaseException:
            self.close()
            raise

    def _start(self, *command):
        return self._gateway.popen(command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _run(self, *command):
        with self._gateway.entered():
            done = subprocess.run(command, capture_output=True, text=True, env=self._environment, timeout=30)
        assert done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"

    def cmd(self, *arguments):
        self._run("firewall-cmd", *arguments)

    def try_cmd(self, *arguments):
        with self._gateway.entered():
            return subprocess.run(["firewall-cmd", *arguments], capture_output=True, text=True, env=self._environment).stdout

    def close(self):
        for process in reversed(self._processes):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
