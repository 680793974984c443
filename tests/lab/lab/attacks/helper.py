# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own SIP helper, nf_conntrack_sip, in a gateway of the lab: what most firewalls use for calls."""

import ipaddress
import re

from lab.namespaces import CommandFailed
from lab.topology import INSIDE_NETWORKS

# As the documentation of nft(8) has it: attached to the flows of one port, not to all of them.
_RULESET = """\
table inet sip_helper {
    ct helper sip-udp {
        type "sip" protocol udp
    }
    ct helper sip-tcp {
        type "sip" protocol tcp
    }
    chain attach {
        type filter hook prerouting priority -150; policy accept;
        udp dport 5060 ct helper set "sip-udp"
        tcp dport 5060 ct helper set "sip-tcp"
    }
}
"""
_IPTABLES = [
    ["iptables", "-t", "raw", "-A", "PREROUTING", "-p", proto, "--dport", "5060", "-j", "CT", "--helper", "sip"]
    for proto in ("udp", "tcp")
]


def attach(gateway):
    """Returns None, or why the helper cannot be used here."""
    try:
        gateway.run("nft", "-f", "-", stdin=_RULESET)
        return None
    except CommandFailed as failure:
        reason = str(failure).splitlines()[-1]
    try:
        for command in _IPTABLES:
            gateway.run(*command)
        return None
    except (CommandFailed, FileNotFoundError) as failure:
        return f"{reason}; {str(failure).splitlines()[-1]}"


def expectations(gateway):
    """What it lets in to inside hosts: (source or "*", destination, protocol, port), from conntrack's table of what it
    expects, as the kernel prints it."""
    inside = ipaddress.ip_network(INSIDE_NETWORKS[0])
    found = set()
    for line in gateway.run("cat", "/proc/net/nf_conntrack_expect").splitlines():
        match = re.search(r"proto=(\d+) src=(\S+) dst=(\S+) sport=\d+ dport=(\d+)", line)
        if match and ipaddress.ip_address(match[3]) in inside:
            proto = {"6": "tcp", "17": "udp"}.get(match[1], match[1])
            found.add(("*" if match[2] == "0.0.0.0" else match[2], match[3], proto, int(match[4])))
    return found
