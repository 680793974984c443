# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that keeps CAP_NET_ADMIN for the daemon: what it is, what it outlives, what it turns down."""

import contextlib
import ctypes
import errno
import os
import signal
import socket
import struct
import time
from pathlib import Path

from lab.ctl import Ctl
from lab.gateways import IPV4_GATEWAYS
from lab.namespaces import wait_until
from lab.pinholes import open_ports, pinholes
from lab.scene import Call, audio, call_peer, establish, hang_up, sdp

CAP_NET_ADMIN = 1 << 12
TABLE = ("inet", "messenger_alg")
PIDFD_GETFD = 438  # the same number on every architecture
NOTE = b"audio rtp call=0123456789abcdef dialog=fedcba9876543210 id=x"
NFPROTO_INET, AF_UNSPEC, NFTABLES = 1, 0, 10
BATCH_BEGIN, BATCH_END, NEWTABLE, NEWSETELEM = 16, 17, NFTABLES << 8, NFTABLES << 8 | 12
REQUEST, ACK, EXCL, CREATE, NESTED = 1, 4, 0x200, 0x400, 0x8000
HOSTS = 5  # the channel for questions about hosts


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


def element(name, key):
    """Adds one to that set for one minute."""
    value = (attribute(1 | NESTED, attribute(1, key)) + attribute(4, struct.pack(">Q", 60_000))
             + attribute(6, bytes([0, len(NOTE) + 1]) + NOTE + b"\0"))
    return message(NEWSETELEM, CREATE | ACK, NFPROTO_INET,
                   attribute(1, b"messenger_alg\0") + attribute(2, name.encode() + b"\0")
                   + attribute(3 | NESTED, attribute(1 | NESTED, value)))


def open_port(host, port):
    """An element of open4: from anywhere to this UDP port."""
    return element("open4", socket.inet_aton(host) + bytes([17, 0, 0, 0]) + struct.pack(">HH", port, 0))


def flow(remote, inside, port, mark):
    """A conntrack entry: the next packet from there, port 9000, would be one of a known flow."""
    def way(source, source_port, target, target_port):
        addresses = attribute(1, socket.inet_aton(source)) + attribute(2, socket.inet_aton(target))
        ports = attribute(1, bytes([17])) + attribute(2, struct.pack(">H", source_port)) + attribute(
            3, struct.pack(">H", target_port))
        return attribute(1 | NESTED, addresses) + attribute(2 | NESTED, ports)

    seen_reply, assured, confirmed = 2, 4, 8
    return message(1 << 8, CREATE | EXCL | ACK, socket.AF_INET,
                   attribute(1 | NESTED, way(remote, 9000, inside, port)) + attribute(2 | NESTED, way(inside, port, remote, 9000))
                   + attribute(3, struct.pack(">I", seen_reply | assured | confirmed)) + attribute(7, struct.pack(">I", 60))
                   + attribute(8, struct.pack(">I", mark)))


class TakenOver:
    """What somebody could do who runs code of his own in the daemon: the daemon's end of the link to its warden."""

    def __init__(self, daemon):
        self._pid = daemon.pid
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

    @contextlib.contextmanager
    def _alone(self):
        """While the daemon stands still and has no question of its own under way, whose answer would be taken for ours."""
        while True:
            os.kill(self._pid, signal.SIGSTOP)
            time.sleep(0.02)  # longer than an answer takes
            try:
                self._link.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            os.kill(self._pid, signal.SIGCONT)
            time.sleep(0.01)
        try:
            yield
        finally:
            os.kill(self._pid, signal.SIGCONT)

    def _ask(self, request, channel):
        self._link.setblocking(True)
        self._link.sendall(struct.pack("=IIBBHI", len(request), 4096, channel, 1, 0, 0) + request)
        code = struct.unpack("=i", self._link.recv(4))[0]
        if code == errno.EACCES:  # and which messages are to blame alone
            count = struct.unpack("=I", self._link.recv(4, socket.MSG_WAITALL))[0]
            self._link.recv(4 * count, socket.MSG_WAITALL)
        return code

    def ask(self, request, channel=0):
        """errno, or 0."""
        with self._alone():
            return self._ask(request, channel)

    def ask_about(self, set_number, key):
        """Whether the warden knows the host of that place in a set."""
        record = struct.pack("=BBH", set_number, len(key), 0) + key + bytes(44 - len(key))
        with self._alone():
            assert self._ask(record, HOSTS) == 0
            return self._link.recv(1) == b"\1"

    def forget_hosts(self):
        with self._alone():
            return self._ask(b"", HOSTS)

    def close(self):
        self._link.close()


def hang_up_at_once(scene):
    """After it the inside host has spoken."""
    out, back = call_peer(scene)
    hang_up(out, back.agent)


def test_only_the_warden_has_a_capability(make_scene):
    scene = make_scene()
    warden = scene.daemon.warden()
    for pid, kept in ((scene.daemon.pid, 0), (warden, CAP_NET_ADMIN)):
        found = status(pid)
        for name, expected in (("CapEff", kept), ("CapPrm", kept), ("CapInh", 0), ("CapAmb", 0)):
            assert int(found[name], 16) == expected, (pid, name, found[name])
        assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    assert len(os.listdir(f"/proc/{warden}/fd")) == 7  # standard error, the link, five netlink sockets


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
    hang_up_at_once(scene)
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


def test_a_daemon_that_was_taken_over_reaches_no_host_that_has_not_spoken(make_scene):
    scene = make_scene()
    spoken, silent = scene.lab.inside.address(4), "10.1.2.77"
    pinhole_mark = 1 << 28
    hang_up_at_once(scene)
    intruder = TakenOver(scene.daemon)
    remote = scene.lab.third.ip4
    assert intruder.ask(batch(open_port(spoken, 40000))) == 0, "the control: this is how it is asked"
    assert intruder.ask(flow(remote, spoken, 40000, pinhole_mark), channel=2) == 0, "the control"
    assert intruder.ask(batch(open_port(silent, 40000))) == errno.EACCES
    assert intruder.ask(batch(open_port(spoken, 40002), open_port(silent, 40000))) == errno.EACCES
    for mark in (pinhole_mark, 0):
        assert intruder.ask(flow(remote, silent, 40000, mark), channel=2) == errno.EACCES
    # Nor can it say that the host has: the packet path alone does, and what is open because of that.
    address = socket.inet_aton(silent)
    heard4, open4 = 14, 2
    assert intruder.ask_about(heard4, socket.inet_aton(spoken)), "the control"
    assert intruder.ask(batch(element("heard4", address))) == errno.EACCES
    assert not intruder.ask_about(heard4, address)
    assert not intruder.ask_about(open4, address + bytes([17, 0, 0, 0]) + struct.pack(">HH", 40000, 0))
    assert intruder.ask(batch(open_port(silent, 40000))) == errno.EACCES
    for odd in (bytes(47), bytes(48 * 257), bytes([255]) + bytes(47), bytes([heard4, 45]) + bytes(46)):
        assert intruder.ask(odd + bytes(-len(odd) % 4), HOSTS) == errno.EINVAL, odd[:2]
    assert {hole.inside for hole in pinholes(scene.lab.gateway)} == {spoken}
    intruder.close()


def test_a_daemon_that_was_taken_over_gets_nothing_for_an_address_that_has_gone(make_scene):
    scene = make_scene(nat=True)
    gateway = scene.lab.gateway
    gateway.run("ip", "addr", "add", "192.0.2.222/32", "dev", "outside")
    intruder = TakenOver(scene.daemon)
    key = socket.inet_aton(scene.lab.third.ip4) + socket.inet_aton("192.0.2.222") + bytes([17, 0, 0, 0]) + struct.pack(
        ">HH", 40000, 0)
    time.sleep(3.2)  # so often it looks
    assert intruder.ask(batch(element("outside4", key))) == 0, "the control: this is how it is asked"
    gateway.run("ip", "addr", "del", "192.0.2.222/32", "dev", "outside")
    time.sleep(3.2)
    assert intruder.ask(batch(element("outside4", key))) == errno.EACCES
    intruder.close()


def test_what_waits_for_proof_opens_with_the_next_message(make_scene):
    """Somebody empties the set of who was heard between a host's first packet and the daemon that reads it."""
    scene = make_scene()
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    out = Call.outgoing(caller, callee.uri, callee.address)
    os.kill(scene.daemon.pid, signal.SIGSTOP)
    out.request("INVITE", sdp(caller.address[0], audio(40000)))
    wait_until(lambda: caller.address[0] in scene.lab.gateway.run("nft", "list", "set", *TABLE, "heard4"), 3, "its packet")
    scene.lab.gateway.run("nft", "flush", "set", *TABLE, "heard4")
    os.kill(scene.daemon.pid, signal.SIGCONT)
    invite = callee.receive("INVITE")
    callee.reply(invite, 200, sdp(callee.address[0], audio(50000)), tag="u1")
    answer = caller.receive(200)
    assert not pinholes(scene.lab.gateway)
    wait_until(lambda: "openings wait" in scene.daemon.log, 3, "the warning")
    out.ack(answer)
    callee.receive("ACK")
    scene.wait_open(40000)
    scene.media(40000, 50000).assert_passes()
    hang_up(out, callee)
    scene.wait_closed()
    metrics = Ctl(scene).run("metrics")
    assert "messenger_alg_unproven_total 2" in metrics


@IPV4_GATEWAYS
def test_who_had_pinholes_before_a_restart_gets_them_back(make_scene, gateway):
    """The next warden knows them by what is open to them, though they are silent since."""
    scene = make_scene(**gateway)
    out, back = call_peer(scene)
    media = scene.media(40000, 50000)
    scene.daemon.kill()
    scene.lab.gateway.run("nft", "flush", "set", *TABLE, "heard4")
    scene.daemon.start()
    media.assert_passes()
    for lost in ("pinholes4", "heard4"):
        scene.lab.gateway.run("nft", "flush", "set", *TABLE, lost)
        wait_until(lambda: open_ports(scene.lab.gateway) == scene.inside_ports(40000), 1, f"the pinholes after {lost}")
    media.assert_passes()
    hang_up(out, back.agent)
    scene.wait_closed()


def test_what_the_warden_has_turned_down_is_not_said_to_be_there(make_scene):
    scene = make_scene()
    out, back = call_peer(scene)
    hang_up(out, back.agent)
    intruder = TakenOver(scene.daemon)
    assert intruder.forget_hosts() == 0  # the warden forgets who has spoken, and the daemon does not know
    before = len(scene.daemon.log)
    call_peer(scene, 42000, "u2", (out.agent, back.agent))
    time.sleep(1.5)
    assert open_ports(scene.lab.gateway) == []
    said = scene.daemon.log[before:]
    intruder.close()
    assert "the warden has turned them down" in said and "has all" not in said and "put back" not in said
