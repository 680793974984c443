# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that keeps CAP_NET_ADMIN for the daemon: what it is, what it outlives, what it turns down."""

import ctypes
import errno
import os
import signal
import socket
import struct
from pathlib import Path

from lab.namespaces import wait_until
from lab.pinholes import pinholes
from lab.scene import audio, establish, hang_up, sdp

CAP_NET_ADMIN = 1 << 12
PIDFD_GETFD = 438  # the same number on every architecture
NOTE = b"audio rtp call=0123456789abcdef dialog=fedcba9876543210 id=x"
NFPROTO_INET, AF_UNSPEC, NFTABLES = 1, 0, 10
BATCH_BEGIN, BATCH_END, NEWTABLE, NEWSETELEM = 16, 17, NFTABLES << 8, NFTABLES << 8 | 12
REQUEST, ACK, CREATE, NESTED = 1, 4, 0x400, 0x8000


def status(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def alive(pid):
    try:
        return status(pid)["State"][0] not in "ZX"
    except FileNotFoundError:
        return False


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind, flags, family, payload=b"", resource=0):
    body = struct.pack(">BBH", family, 0, resource) + payload
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, 1, 0) + body


def batch(*messages):
    return message(BATCH_BEGIN, 0, AF_UNSPEC, resource=NFTABLES) + b"".join(messages) + message(
        BATCH_END, 0, AF_UNSPEC, resource=NFTABLES)


def open_port(host, port):
    """An element of open4 for one minute: from anywhere to this UDP port."""
    key = socket.inet_aton(host) + bytes([17, 0, 0, 0]) + struct.pack(">HH", port, 0)
    element = (attribute(1 | NESTED, attribute(1, key)) + attribute(4, struct.pack(">Q", 60_000))
               + attribute(6, bytes([0, len(NOTE) + 1]) + NOTE + b"\0"))
    return message(NEWSETELEM, CREATE | ACK, NFPROTO_INET,
                   attribute(1, b"messenger_alg\0") + attribute(2, b"open4\0")
                   + attribute(3 | NESTED, attribute(1 | NESTED, element)))


class TakenOver:
    """What somebody could do who runs code of his own in the daemon: the daemon's end of the link to its warden."""

    def __init__(self, daemon):
        pidfd = os.pidfd_open(daemon.pid)
        for name in os.listdir(f"/proc/{daemon.pid}/fd"):
            copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, pidfd, int(name), 0)
            if copy >= 0 and self._is_link(copy):
                self._link = socket.socket(fileno=copy)
                break
            if copy >= 0:
                os.close(copy)
        os.close(pidfd)

    @staticmethod
    def _is_link(descriptor):
        """A connected pair without names is nothing else."""
        try:
            with socket.socket(fileno=os.dup(descriptor)) as one:
                return one.family == socket.AF_UNIX and one.type == socket.SOCK_STREAM and one.getpeername() == "" \
                    and one.getsockname() == ""
        except OSError:
            return False

    def ask(self, request, channel=0):
        """errno, or 0."""
        self._link.setblocking(True)
        self._link.sendall(struct.pack("=IIBBHI", len(request), 4096, channel, 1, 0, 0) + request)
        return struct.unpack("=i", self._link.recv(4))[0]

    def close(self):
        self._link.close()


def test_only_the_warden_has_a_capability(make_scene):
    scene = make_scene()
    warden = scene.daemon.warden()
    for pid, kept in ((scene.daemon.pid, 0), (warden, CAP_NET_ADMIN)):
        found = status(pid)
        for name, expected in (("CapEff", kept), ("CapPrm", kept), ("CapInh", 0), ("CapAmb", 0)):
            assert int(found[name], 16) == expected, (pid, name, found[name])
        assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    assert len(os.listdir(f"/proc/{warden}/fd")) == 6  # standard error, the link, four netlink sockets


def test_the_daemon_ends_with_its_warden_and_calls_go_on(make_scene):
    scene = make_scene()
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    out, back = establish(caller, callee, sdp(caller.address[0], audio(40000)), sdp(callee.address[0], audio(50000)))
    media = scene.media(40000, 50000)
    media.assert_passes()
    os.kill(scene.daemon.warden(), signal.SIGKILL)
    wait_until(lambda: not scene.daemon.alive(), 3, "the daemon's end")
    assert "has ended" in scene.daemon.log
    media.assert_passes()
    scene.daemon.close()
    scene.daemon.start()
    media.assert_passes()
    hang_up(out, back.agent)
    wait_until(lambda: not pinholes(scene.lab.gateway), 3, "closed pinholes")


def test_the_warden_ends_with_the_daemon_and_not_before(make_scene):
    scene = make_scene()
    warden = scene.daemon.warden()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # what a service manager sends to all processes
        os.kill(warden, number)
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    establish(caller, callee, sdp(caller.address[0], audio(40000)), sdp(callee.address[0], audio(50000)))
    scene.media(40000, 50000).assert_passes()
    scene.daemon.kill()
    wait_until(lambda: not alive(warden), 3, "the warden's end")


def test_a_daemon_that_was_taken_over_reaches_no_other_rule_and_no_protected_port(make_scene):
    scene = make_scene(config={"network.protected_ports": [3389]})
    inside = scene.lab.inside.address(4)
    intruder = TakenOver(scene.daemon)
    assert intruder.ask(batch(open_port(inside, 40000))) == 0, "the control: this is how it is asked"
    for host, port in ((inside, 22), (inside, 3389), ("10.1.2.1", 40000), ("198.51.100.20", 40000)):
        assert intruder.ask(batch(open_port(host, port))) == errno.EACCES, (host, port)
    # A table of his own, the operator's rules, and a batch that hides one behind what is allowed.
    table = message(NEWTABLE, CREATE, NFPROTO_INET, attribute(1, b"his\0"))
    assert intruder.ask(batch(table)) == errno.EACCES
    assert intruder.ask(batch(open_port(inside, 40002), table)) == errno.EACCES
    assert intruder.ask(message(NFTABLES << 8 | 2, 0, AF_UNSPEC)) == errno.EACCES  # delete every table
    assert intruder.ask(message(1 << 8 | 2, ACK, socket.AF_INET), channel=2) == errno.EACCES  # forget every connection
    found = scene.lab.gateway.run("nft", "list", "set", "inet", "messenger_alg", "open4")
    assert f"{inside} . udp . 40000" in found and "40002" not in found and " 22 " not in found
    assert " his" not in scene.lab.gateway.run("nft", "list", "tables")
    assert scene.daemon.log.count("turned down") >= 7
    intruder.close()
