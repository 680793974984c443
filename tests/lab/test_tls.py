# SPDX-License-Identifier: GPL-2.0-or-later
"""SIP over TLS, which nobody can read: [tls] media = "static-range", and policy.fixed_ranges = "registered" under NAT."""

import socket
import time

import pytest

from lab.ctl import Ctl
from lab.firewall import MARK_RULE
from lab.namespaces import wait_until
from lab.sipmsg import SipMessage
from lab.tlspeer import TlsClient, TlsServer
from lab.topology import GATEWAY_OUTSIDE

OUTSIDE = GATEWAY_OUTSIDE[0]
CONFIG = {"tls.media": "static-range", "tls.servers": ["198.51.100.0/24"], "tls.silence": "30s"}
UDP = (5350, 5351, 5352, 5353)
TCP = (1503, 6891, 6900)
CLOSED_UDP, CLOSED_TCP = (5349, 5354), (1502, 6890, 6901)


def reachable_udp(scene, host, port, remote=None):
    """Whether a datagram of an outside host that nobody has talked to arrives, and an answer to it."""
    remote = remote or scene.lab.third
    where = OUTSIDE if scene.nat else host.ip4
    with host.socket(socket.AF_INET, socket.SOCK_DGRAM) as there, remote.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        there.bind((host.ip4, port))
        there.settimeout(0.4)
        here.settimeout(0.4)
        here.sendto(b"media", (where, port))
        try:
            data, source = there.recvfrom(100)
            there.sendto(data, source)
            answer, answered_by = here.recvfrom(100)
        except TimeoutError:
            return False
        return (answer, answered_by) == (b"media", (where, port))


def reachable_tcp(scene, host, port, remote=None):
    remote = remote or scene.lab.third
    where = OUTSIDE if scene.nat else host.ip4
    with host.socket(socket.AF_INET, socket.SOCK_STREAM) as there, remote.socket(socket.AF_INET, socket.SOCK_STREAM) as here:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        there.bind((host.ip4, port))
        there.listen()
        there.settimeout(0.4)
        here.settimeout(0.4)
        try:
            here.connect((where, port))
            accepted = there.accept()[0]
        except (TimeoutError, ConnectionRefusedError):
            return False
        accepted.close()
        return True


def reached(scene, host):
    """The fixed ports of the host that an outside host reaches."""
    return {port for port in UDP if reachable_udp(scene, host, port)} | {
        port for port in TCP if reachable_tcp(scene, host, port)
    }


def assert_all_reached(scene, host):
    """Several times, for each try is short: most tests want to see ports that are closed."""
    tries = [reached(scene, host)]
    while tries[-1] != {*UDP, *TCP} and len(tries) < 3:
        tries.append(reached(scene, host))
    assert tries[-1] == {*UDP, *TCP}, tries


def wait_for_end(scene, seconds=8):
    def ended():
        status = Ctl(scene).json("status")
        return status["tls_connections"] == status["pinholes"] == 0

    wait_until(ended, seconds, "end of the TLS connection")


@pytest.mark.parametrize("mode", ["admit", "mark"])
@pytest.mark.parametrize("nat", [False, True], ids=["routed", "nat"])
def test_the_ranges_are_open_as_long_as_the_connection_lives(make_scene, nat, mode):
    rule = MARK_RULE if mode == "mark" else ""
    scene = make_scene(nat=nat, config={**CONFIG, "passage.mode": mode}, extra_rule=rule)
    assert "anybody outside can reach" in scene.daemon.log, "the operator is told at start what this means"
    server = scene.keep(TlsServer(scene.lab.server, scene.lab.directory))
    assert reached(scene, scene.lab.inside) == set()
    client = TlsClient(scene.lab.inside, server)
    client.say()
    assert_all_reached(scene, scene.lab.inside)
    assert not any(reachable_udp(scene, scene.lab.inside, port) for port in CLOSED_UDP)
    assert not any(reachable_tcp(scene, scene.lab.inside, port) for port in CLOSED_TCP)
    if not nat:
        assert reached(scene, scene.lab.inside2) == set(), "it has no connection"
    shown = Ctl(scene).json("pinholes")["pinholes"]
    assert {tuple(one["call_ids"]) for one in shown} == {(f"tls {scene.lab.inside.ip4}",)} and len(shown) == 15
    assert Ctl(scene).json("status")["tls_connections"] == 1
    client.say(b"x" * 100_000)  # it is not slowed down by us: the packet path keeps it
    client.close()
    wait_for_end(scene)
    assert reached(scene, scene.lab.inside) == set()


def test_a_connection_that_talks_outlives_the_silence_and_one_that_does_not_ends(make_scene):
    scene = make_scene(config={**CONFIG, "tls.silence": "5s"})
    server = scene.keep(TlsServer(scene.lab.server, scene.lab.directory))
    talks, silent = TlsClient(scene.lab.inside, server), TlsClient(scene.lab.inside2, server)
    silent.say()
    end = time.monotonic() + 9
    while time.monotonic() < end:
        talks.say()
        time.sleep(0.5)
    assert_all_reached(scene, scene.lab.inside)
    assert reached(scene, scene.lab.inside2) == set()


def test_a_restart_keeps_what_lives_and_closes_what_has_ended(make_scene):
    scene = make_scene(nat=True, config=CONFIG)
    server = scene.keep(TlsServer(scene.lab.server, scene.lab.directory))
    client = TlsClient(scene.lab.inside, server)
    client.say()
    scene.daemon.kill()
    client.say()
    scene.daemon.start()
    assert_all_reached(scene, scene.lab.inside)
    scene.daemon.kill()
    client.close()  # while nobody looks: the packet path sees it
    time.sleep(0.2)
    scene.daemon.start()
    wait_for_end(scene)
    assert reached(scene, scene.lab.inside) == set()


def test_behind_nat_the_second_host_is_reported(make_scene):
    scene = make_scene(nat=True, config=CONFIG)
    server = scene.keep(TlsServer(scene.lab.server, scene.lab.directory))
    first, second = TlsClient(scene.lab.inside, server), TlsClient(scene.lab.inside2, server)
    first.say()
    second.say()
    assert_all_reached(scene, scene.lab.inside)
    assert reached(scene, scene.lab.inside2) == set()
    log = scene.daemon.log
    for ports in ("5350-5353", "6891-6900"):
        assert f"asked for {scene.lab.inside2.ip4}:{ports}: the outside port" in log
    assert f"leads to another inside host ({scene.lab.inside.ip4})" in log
    metrics = Ctl(scene).run("metrics")
    assert 'messenger_alg_refusals_total{reason="outside_port_taken"} 3' in metrics


def test_what_is_no_tls_opens_nothing(make_scene):
    scene = make_scene(config=CONFIG)
    with scene.lab.server.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((scene.lab.server.ip4, 5061))
        listener.listen()
        with scene.lab.inside.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.connect(listener.getsockname())
            accepted = listener.accept()[0]
            client.sendall(b"\x16\x03\x01\x00\x05hello")
            assert accepted.recv(100)
            accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            assert client.recv(100)
            assert reached(scene, scene.lab.inside) == set()
            accepted.close()


def register(host, user, cseq=1, expires=600):
    address = host.ip4
    return SipMessage(
        "REGISTER sip:example.com SIP/2.0",
        [
            ("Via", f"SIP/2.0/UDP {address}:5060;branch=z9hG4bK{user}{cseq};rport"),
            ("From", f"<sip:{user}@example.com>;tag={user}"),
            ("To", f"<sip:{user}@example.com>"),
            ("Call-ID", f"register-{user}"),
            ("CSeq", f"{cseq} REGISTER"),
            ("Contact", f"<sip:{user}@{address}:5060>"),
            ("Expires", str(expires)),
        ],
    )


def sign_in(scene, host, registrar, user, cseq=1, expires=600):
    agent = scene.agent(host) if cseq == 1 else scene.agents[host.host]
    scene.agents = {**getattr(scene, "agents", {}), host.host: agent}
    agent.send(register(host, user, cseq, expires), registrar.address)
    asked = registrar.receive("REGISTER")
    answer = SipMessage("SIP/2.0 200 OK", [*asked.headers, ("Expires", str(expires))])
    registrar.send(answer, asked.source)
    agent.receive((200, "REGISTER"))


def test_fixed_ranges_of_registered_hosts_behind_nat(make_scene):
    scene = make_scene(nat=True, config={"policy.fixed_ranges": "registered"})
    registrar = scene.agent(scene.lab.server)
    sign_in(scene, scene.lab.inside, registrar, "alice")
    assert reached(scene, scene.lab.inside) == set(TCP)
    sign_in(scene, scene.lab.inside2, registrar, "bob")
    assert reached(scene, scene.lab.inside) == set(TCP), "the first one keeps them"
    assert reached(scene, scene.lab.inside2) == set()
    assert f"asked for {scene.lab.inside2.ip4}:6891-6900: the outside port" in scene.daemon.log
    sign_in(scene, scene.lab.inside, registrar, "alice", 2, 0)
    assert reached(scene, scene.lab.inside) == set()
    sign_in(scene, scene.lab.inside2, registrar, "bob", 2)
    assert reached(scene, scene.lab.inside2) == {1503}, "the others come when conntrack has forgotten the first host's flows"
