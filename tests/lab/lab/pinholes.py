# SPDX-License-Identifier: GPL-2.0-or-later
"""What is open, read from the kernel with nft, as an operator would."""

import collections
import json

from lab.namespaces import CommandFailed, wait_until

TABLE = "messenger_alg"
SETS = ("pinholes4", "pinholes6", "open4", "open6")
# Contacts at which a registrar, or the server or peer of a call, may reach an inside host: what is let in there is signalling.
CALLBACKS = ("callbacks4", "callbacks6")

# remote: an address, or "*" for any. expires: seconds left. comment: names call and stream.
Pinhole = collections.namedtuple("Pinhole", "remote inside proto port expires comment")


def table_is_whole(gateway):
    """The table is there, and names ports of SIP: without those, messages pass unread."""
    try:
        listing = json.loads(gateway.nft(f"list set inet {TABLE} sip_ports", as_json=True))
    except CommandFailed:
        return False
    return any(item["set"].get("elem") for item in listing["nftables"] if "set" in item)


def table_exists(gateway):
    return f"table inet {TABLE}" in gateway.nft("list tables").splitlines()


def pinholes(gateway, sets=SETS):
    """Every pinhole in the kernel; an empty list as well when there is no table. sets: or others of that form."""
    found = []
    for name in sets:
        try:
            listing = json.loads(gateway.nft(f"list set inet {TABLE} {name}", as_json=True))
        except CommandFailed:
            if not table_exists(gateway):
                return []
            return pinholes(gateway, sets)  # it has been put back in between
        for item in listing["nftables"]:
            found += [_pinhole(element) for element in item.get("set", {}).get("elem", [])]
    return found


def _pinhole(element):
    attributes = {}
    if "elem" in element:
        attributes = element["elem"]
        element = attributes["val"]
    key = element["concat"]
    remote = key[0] if len(key) == 4 else "*"
    inside, proto, port = key[-3:]
    proto = {6: "tcp", 17: "udp"}.get(proto, proto)
    return Pinhole(remote, inside, proto, int(port), attributes.get("expires"), attributes.get("comment", ""))


def open_ports(gateway):
    """The inside (address, port) pairs of the open pinholes, sorted."""
    return sorted({(hole.inside, hole.port) for hole in pinholes(gateway)})


def wait_for_ports(gateway, expected, seconds=2):
    """Waits until exactly these inside (address, port) pairs are open."""
    expected = sorted(expected)
    try:
        wait_until(lambda: open_ports(gateway) == expected, seconds, "pinholes")
    except TimeoutError:
        now = open_ports(gateway)
        missing, surplus = sorted(set(expected) - set(now)), sorted(set(now) - set(expected))
        raise AssertionError(
            f"{len(missing)} ports are not open, such as {missing[:4]}; {len(surplus)} should not be, such as {surplus[:4]}"
        ) from None
