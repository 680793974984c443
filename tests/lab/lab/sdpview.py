# SPDX-License-Identifier: GPL-2.0-or-later
"""What a session description says, for tests that look at what arrived."""

import re


def address(body):
    """Of the session's c= line."""
    return re.search(r"^c=IN IP4 (\S+)", body, re.M).group(1)


def origin(body):
    return re.search(r"^o=.* IN IP4 (\S+)", body, re.M).group(1)


def streams(body):
    """(RTP port, RTCP port) of each m= section."""
    found = []
    for section in re.split(r"(?m)^(?=m=)", body)[1:]:
        port = int(section.split()[1])
        rtcp = re.search(r"^a=rtcp:(\d+)", section, re.M)
        found.append((port, int(rtcp.group(1)) if rtcp else port + 1))
    return found


def ports(body):
    return [int(port) for port in re.findall(r"^m=\S+ (\d+)", body, re.M)]
