# SPDX-License-Identifier: GPL-2.0-or-later
"""IPv4 packets as they arrive at a host, with the checksum that their UDP or TCP header says and the one that is
right."""

import collections
import ctypes
import fcntl
import select
import socket
import struct

ETH_P_IP = 0x0800
PACKET_OUTGOING = 4
SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM = 0x17

# said, right: checksums; said is 0 where the sender of a datagram has made none. size: of the whole packet.
Arrived = collections.namedtuple("Arrived", "proto src sport dst dport said right size payload")


def finish_checksums(host, interface):
    """Packets leave by the interface as they are on a real wire: each a segment of its own, checksums made. Between
    namespaces the kernel otherwise leaves both to the receiver, who does not look."""
    command = ctypes.create_string_buffer(struct.pack("@II", ETHTOOL_STXCSUM, 0))
    request = struct.pack("@16sP", interface.encode(), ctypes.addressof(command))
    with host.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCETHTOOL, request)


class Wire:
    """What arrives at a host, from now on."""

    def __init__(self, host, interface="eth0"):
        self._socket = host.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._socket.bind((interface, ETH_P_IP))
        self._socket.setblocking(False)
        self._arrived = []

    def close(self):
        self._socket.close()

    def wait(self, count, proto, sport, seconds=5):
        """The first so many packets with data from a port."""
        while True:
            found = [one for one in self._arrived if one.proto == proto and one.sport == sport and one.payload]
            if len(found) >= count:
                return found[:count]
            assert select.select([self._socket], [], [], seconds)[0], f"{len(found)} of {count} packets in {seconds} s"
            self._read()

    def all(self):
        """Everything that has arrived by now."""
        while select.select([self._socket], [], [], 0)[0]:
            self._read()
        return list(self._arrived)

    def _read(self):
        packet, address = self._socket.recvfrom(1 << 16)
        if address[2] != PACKET_OUTGOING and packet[9] in (socket.IPPROTO_UDP, socket.IPPROTO_TCP):
            self._arrived.append(parse(packet))


def parse(packet):
    """A whole IPv4 packet of UDP or TCP."""
    packet = packet[: struct.unpack_from("!H", packet, 2)[0]]
    header = (packet[0] & 0x0F) * 4
    segment = packet[header:]
    udp = packet[9] == socket.IPPROTO_UDP
    at = 6 if udp else 16
    said = struct.unpack_from("!H", segment, at)[0]
    pseudo = packet[12:20] + struct.pack("!BBH", 0, packet[9], len(segment))
    right = _sum(pseudo + segment[:at] + b"\0\0" + segment[at + 2 :])
    if udp and right == 0:
        right = 0xFFFF  # 0 would say that there is none (RFC 768)
    data = 8 if udp else (segment[12] >> 4) * 4
    src, dst = (socket.inet_ntoa(packet[start : start + 4]) for start in (12, 16))
    sport, dport = struct.unpack_from("!HH", segment)
    return Arrived("udp" if udp else "tcp", src, sport, dst, dport, said, right, len(packet), segment[data:])


def _sum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
