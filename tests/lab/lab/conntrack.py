# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel tracks in a host, as /proc/net/nf_conntrack says it."""

import collections
import re

# seconds: until it is forgotten. state: of TCP, otherwise "". original, reply: (source, port, destination, port).
Entry = collections.namedtuple("Entry", "proto seconds state original reply assured replied mark")
_TUPLE = re.compile(r"src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)")


def entries(host):
    """Those of UDP and TCP over IPv4."""
    with host.entered(), open("/proc/net/nf_conntrack", encoding="ascii") as table:
        lines = [line for line in table if line.startswith("ipv4") and line.split()[2] in ("udp", "tcp")]
    return [_parse(line) for line in lines]


def _parse(line):
    words = line.split()
    original, reply = ((src, int(sport), dst, int(dport)) for src, dst, sport, dport in _TUPLE.findall(line))
    state = words[5] if words[2] == "tcp" else ""
    mark = re.search(r"\bmark=(\d+)", line)
    return Entry(words[2], int(words[4]), state, original, reply, "[ASSURED]" in line, "[UNREPLIED]" not in line,
                 int(mark.group(1)) if mark else 0)
