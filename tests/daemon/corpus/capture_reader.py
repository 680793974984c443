# SPDX-License-Identifier: GPL-2.0-or-later
"""A second, simple reader of captures, so that the tests do not see packets through the code under test.

Reads pcap and pcapng of Ethernet (with VLAN tags), Linux cooked, BSD loopback and raw IP; whole UDP datagrams only.
"""
import ipaddress
import struct
from typing import Iterator, NamedTuple


class Frame(NamedTuple):
    number: int  # from 1
    micros: int
    link_type: int
    octets: bytes


class Datagram(NamedTuple):
    frame: int
    micros: int
    source: tuple  # (address, port)
    destination: tuple


def read_frames(path) -> Iterator[Frame]:
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        yield from _pcapng(data)
    else:
        yield from _pcap(data)


def _pcap(data) -> Iterator[Frame]:
    for order in "<>":
        magic = struct.unpack_from(order + "I", data)[0]
        if magic in (0xA1B2C3D4, 0xA1B23C4D):
            break
    else:
        raise ValueError("not a pcap file")
    per_micro = 1000 if magic == 0xA1B23C4D else 1
    link_type = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at, number = 24, 0
    while len(data) - at >= 16:
        seconds, part, captured, _ = struct.unpack_from(order + "IIII", data, at)
        number += 1
        yield Frame(number, seconds * 1_000_000 + part // per_micro, link_type, data[at + 16 : at + 16 + captured])
        at += 16 + captured


def _pcapng(data) -> Iterator[Frame]:
    at, number, order, interfaces = 0, 0, "<", []
    while len(data) - at >= 12:
        kind = struct.unpack_from(order + "I", data, at)[0]
        if kind == 0x0A0D0D0A:
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        size = struct.unpack_from(order + "I", data, at + 4)[0]
        body = data[at + 8 : at + size - 4]
        if kind == 1:
            interfaces.append((struct.unpack_from(order + "H", body)[0], _ticks_per_second(order, body[8:])))
        elif kind == 6:
            interface, high, low, captured, _ = struct.unpack_from(order + "IIIII", body)
            link_type, ticks = interfaces[interface]
            number += 1
            micros = ((high << 32) | low) * 1_000_000 // ticks
            yield Frame(number, micros, link_type, body[20 : 20 + captured])
        at += size


def _ticks_per_second(order, options) -> int:
    at = 0
    while len(options) - at >= 4:
        code, size = struct.unpack_from(order + "HH", options, at)
        if code == 9:
            value = options[at + 4]
            return 2 ** (value & 0x7F) if value & 0x80 else 10**value
        at += 4 + (size + 3) // 4 * 4
    return 1_000_000


def _ip_offset(frame: Frame):
    octets = frame.octets
    if frame.link_type == 1:
        at, kind = 14, octets[12:14]
        while kind in (b"\x81\x00", b"\x88\xa8"):
            kind = octets[at + 2 : at + 4]
            at += 4
        return at if kind in (b"\x08\x00", b"\x86\xdd") else None
    return {113: 16, 0: 4, 101: 0, 12: 0, 228: 0, 229: 0}.get(frame.link_type)


def _udp(frame: Frame):
    """(source, destination, the UDP datagram with its header), the addresses packed; None for all else."""
    at = _ip_offset(frame)
    packet = frame.octets[at:] if at is not None else b""
    if len(packet) >= 28 and packet[0] >> 4 == 4 and packet[9] == 17 and not (packet[6] & 0x3F or packet[7]):
        source, destination, udp = packet[12:16], packet[16:20], packet[(packet[0] & 15) * 4 :]
    elif len(packet) >= 48 and packet[0] >> 4 == 6 and packet[6] == 17:
        source, destination, udp = packet[8:24], packet[24:40], packet[40:]
    else:
        return None
    return (source, destination, udp) if len(udp) >= 8 else None


def read_datagrams(path) -> Iterator[Datagram]:
    for frame in read_frames(path):
        if not (found := _udp(frame)):
            continue
        source, destination, udp = found
        source_port, destination_port = struct.unpack_from(">HH", udp)
        yield Datagram(
            frame.number,
            frame.micros,
            (str(ipaddress.ip_address(source)), source_port),
            (str(ipaddress.ip_address(destination)), destination_port),
        )


def read_payloads(path, port) -> Iterator[bytes]:
    """What the datagrams from and to a port hold, as long as they say, or as long as they are."""
    for frame in read_frames(path):
        if (found := _udp(frame)) and port in struct.unpack_from(">HH", found[2]):
            udp = found[2]
            yield udp[8 : max(8, struct.unpack_from(">H", udp, 4)[0])]
