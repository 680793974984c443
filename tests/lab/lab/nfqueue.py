# SPDX-License-Identifier: GPL-2.0-or-later
"""Another process that wants the daemon's NFQUEUE: requests to the kernel as a program of its own would make them."""

import os
import socket
import struct

NETLINK_NETFILTER = 12
NFQNL_MSG_CONFIG = 3 << 8 | 2  # of the subsystem of queues
NLM_F_REQUEST_ACK = 1 | 4
NFQA_CFG_CMD = 1
BIND, UNBIND, PF_UNBIND = 1, 2, 4


class Rival:
    def __init__(self, gateway):
        self._socket = gateway.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self._socket.bind((0, 0))

    def close(self):
        self._socket.close()

    def ask(self, command, queue):
        """0, or the errno that the kernel answers."""
        attribute = struct.pack("=HHBBH", 8, NFQA_CFG_CMD, command, 0, socket.htons(socket.AF_INET))
        body = struct.pack("!BBH", 0, 0, queue) + attribute
        self._socket.send(struct.pack("=IHHII", 16 + len(body), NFQNL_MSG_CONFIG, NLM_F_REQUEST_ACK, 1, 0) + body)
        answer = self._socket.recv(4096)
        return -struct.unpack_from("=i", answer, 16)[0]


def text_of(error):
    return os.strerror(error) if error else "done"
