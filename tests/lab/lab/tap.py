# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts what a host really sends and receives, on its interface, with the kernel's time stamps.

A tap needs nobody to read while packets arrive: the socket's buffer keeps them until somebody asks. So counts and times do
not depend on how fast Python is, nor on whether a SIP peer has the port open.
"""

import collections
import ipaddress
import socket
import struct

from lab.namespaces import wait_until

ETH_P_ALL = 0x0003
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
SOL_PACKET = 263
PACKET_OUTGOING = 4
BUFFER = 64 << 20

# time: seconds on the kernel's clock. sent: leaving this host, otherwise arriving. proto: "udp" or "tcp".
Packet = collections.namedtuple("Packet", "time sent proto src sport dst dport payload")


def _parse(frame):
    """Ethernet, IPv4 or IPv6 without extension headers, UDP or TCP; None for anything else."""
    ethertype = struct.unpack_from("!H", frame, 12)[0]
    if ethertype == 0x0800:
        header = (frame[14] & 0x0F) * 4
        proto = frame[23]
        src, dst = ipaddress.ip_address(frame[26:30]), ipaddress.ip_address(frame[30:34])
        end = 14 + struct.unpack_from("!H", frame, 16)[0]
    elif ethertype == 0x86DD:
        header = 40
        proto = frame[20]
        src, dst = ipaddress.ip_address(frame[22:38]), ipaddress.ip_address(frame[38:54])
        end = 14 + 40 + struct.unpack_from("!H", frame, 18)[0]
    else:
        return None
    at = 14 + header
    if proto == socket.IPPROTO_UDP:
        name, data = "udp", at + 8
    elif proto == socket.IPPROTO_TCP:
        name, data = "tcp", at + (frame[at + 12] >> 4) * 4
    else:
        return None
    sport, dport = struct.unpack_from("!HH", frame, at)
    return name, str(src), sport, str(dst), dport, frame[data:end]


class Tap:
    def __init__(self, host, interface="eth0"):
        self._packets = []
        with host.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
            self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._socket.bind((interface, ETH_P_ALL))
        self._socket.setblocking(False)

    def close(self):
        self._socket.close()

    def _drain(self):
        while True:
            try:
                frame, ancillary, _, address = self._socket.recvmsg(65536, 64)
            except BlockingIOError:
                break
            parsed = _parse(frame)
            if parsed is None:
                continue
            seconds, nanoseconds = struct.unpack("@ll", ancillary[0][2][:16])
            self._packets.append(Packet(seconds + nanoseconds / 1e9, address[2] == PACKET_OUTGOING, *parsed))
        # A full buffer would make counts lies. The kernel resets this count when it is read.
        lost = struct.unpack("@II", self._socket.getsockopt(SOL_PACKET, 6, 8))[1]
        assert lost == 0, f"the tap lost {lost} packets"

    def packets(self, keep=lambda packet: True):
        self._drain()
        return [packet for packet in self._packets if keep(packet)]

    def forget(self):
        """Starts counting anew."""
        self._drain()
        self._packets.clear()

    def arrived(self, src=None, dst=None, after=0.0, proto="udp"):
        """The packets received from (address, port) at (address, port), later than a time; None matches any."""
        return self.packets(lambda p: not p.sent and _matches(p, src, dst, after, proto))

    def left(self, src=None, dst=None, after=0.0, proto="udp"):
        return self.packets(lambda p: p.sent and _matches(p, src, dst, after, proto))

    def time_of(self, start, sent=False, after=0.0, seconds=5):
        """When the first packet whose payload begins with `start` (bytes) arrived here or, with sent, left."""

        def look():
            return self.packets(lambda p: p.sent == sent and p.time > after and p.payload.startswith(start))

        return wait_until(look, seconds, f"a packet that begins with {start!r}")[0].time


def _matches(packet, src, dst, after, proto):
    return (
        packet.proto == proto
        and packet.time > after
        and (src is None or (packet.src, packet.sport) == tuple(src))
        and (dst is None or (packet.dst, packet.dport) == tuple(dst))
    )
