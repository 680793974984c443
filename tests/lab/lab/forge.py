# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets as no honest host's kernel would send them: with somebody else's source, in fragments that are cut where we
like, and TCP segments that contradict what the connection says.
"""

import ipaddress
import socket
import struct

IP_HDRINCL = 3
MORE_FRAGMENTS = 0x2000
SYN, ACK, PSH = 0x02, 0x10, 0x08
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
REPAIR_ON, REPAIR_OFF_SILENTLY = 1, -1
RECEIVE_QUEUE, SEND_QUEUE = 1, 2


def _packed(address):
    return ipaddress.IPv4Address(address).packed


def _checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _with_checksum(source, destination, proto, segment, at):
    pseudo = _packed(source) + _packed(destination) + struct.pack("!BBH", 0, proto, len(segment))
    value = _checksum(pseudo + segment) or 0xFFFF
    return segment[:at] + struct.pack("!H", value) + segment[at + 2 :]


def udp(source, destination, payload):
    """source, destination: (address, port)."""
    header = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0)
    return _with_checksum(source[0], destination[0], socket.IPPROTO_UDP, header + payload, 6)


def tcp(source, destination, seq, ack, flags, payload=b""):
    seq, ack, words, window = seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, 65535
    header = struct.pack("!HHIIBBHHH", source[1], destination[1], seq, ack, words, flags, window, 0, 0)
    return _with_checksum(source[0], destination[0], socket.IPPROTO_TCP, header + payload, 16)


def udp_packet(source, destination, payload):
    """With its IP header, for a raw socket; the kernel fills in identification, checksum and total length."""
    return _ip_header(source, destination, socket.IPPROTO_UDP) + udp(source, destination, payload)


def _ip_header(source, destination, proto, ident=0, fragment=0):
    """fragment: the field of flags and offset."""
    header = struct.pack("!BBHHHBBH", 0x45, 0, 0, ident, fragment, 64, proto, 0)
    return header + _packed(source[0]) + _packed(destination[0])


class Forger:
    """Sends from a host what pretends to come from anywhere. IPv4."""

    def __init__(self, host):
        self._socket = host.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._socket.setsockopt(socket.IPPROTO_IP, IP_HDRINCL, 1)
        self._ident = 1000

    def close(self):
        self._socket.close()

    def _send(self, source, destination, proto, data, fragment=0):
        packet = _ip_header(source, destination, proto, self._ident, fragment) + data
        self._socket.sendto(packet, (destination[0], 0))

    def udp(self, source, destination, payload):
        self._ident = self._ident % 0xFFFF + 1
        self._send(source, destination, socket.IPPROTO_UDP, udp(source, destination, payload))

    def udp_in_fragments(self, source, destination, payload, cut):
        """The second fragment begins at payload[cut]; cut: a multiple of 8."""
        self._ident = self._ident % 0xFFFF + 1
        data = udp(source, destination, payload)
        edge = 8 + cut  # the UDP header is in the first one
        assert edge % 8 == 0
        self._send(source, destination, socket.IPPROTO_UDP, data[:edge], MORE_FRAGMENTS)
        self._send(source, destination, socket.IPPROTO_UDP, data[edge:], edge // 8)

    def tcp(self, source, destination, seq, ack, flags, payload=b""):
        self._ident = self._ident % 0xFFFF + 1
        data = tcp(source, destination, seq, ack, flags, payload)
        self._send(source, destination, socket.IPPROTO_TCP, data)


def sequence_numbers(connection):
    """(what this end sends next, what it expects next) of a real TCP connection on which nothing is under way."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
    try:
        numbers = []
        for queue in (SEND_QUEUE, RECEIVE_QUEUE):
            connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
            numbers.append(connection.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) & 0xFFFFFFFF)
        return tuple(numbers)
    finally:
        # Silently: otherwise the kernel would send a probe, and that is a packet more.
        connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_SILENTLY)
