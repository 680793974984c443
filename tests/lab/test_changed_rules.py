# SPDX-License-Identifier: GPL-2.0-or-later
"""What was opened under one configuration, and may not be under the next: it goes by itself, without keeping the daemon from its
start, the table from coming back, or the calls of others from passing."""

import os
import signal
import socket
import time

import pytest

from lab.ctl import Ctl
from lab.messenger import bodies
from lab.namespaces import wait_until
from lab.nat import OUTSIDE, call_out, offer, register
from lab.pinholes import CALLBACKS, open_ports, pinholes
from lab.scene import Call, hang_up
from lab.tlspeer import TlsClient, TlsServer

TABLE = ("inet", "messenger_alg")
# Beside the change in question: a key that gives the table other rules, so that it has to be made anew.
OTHER_RULES = {"nat.no_rewrite": ["198.18.0.0/15"]}


def restart(scene, changes):
    """With another configuration. What the log says since."""
    scene.daemon.stop()
    scene.daemon.configure(changes)
    before = len(scene.daemon.log)
    scene.daemon.start()
    return scene.daemon.log[before:]


def reload(scene, changes):
    """The same without a restart."""
    scene.daemon.configure(changes)
    before = len(scene.daemon.log)
    Ctl(scene).run("reload")
    return scene.daemon.log[before:]


def has_table(scene):
    return "messenger_alg" in scene.lab.gateway.run("nft", "list", "tables")


def assert_table_comes_back(scene):
    scene.lab.gateway.run("nft", "delete", "table", *TABLE)
    wait_until(lambda: has_table(scene), 3, "the table")
    assert "turned down" not in scene.daemon.log


def assert_client_is_reached(scene, client, server, port):
    """By its registrar, at its outside port."""
    call = Call.outgoing(server, f"sip:client@{OUTSIDE}:{port}", (OUTSIDE, port))
    call.request("OPTIONS")
    client.receive("OPTIONS")


def share(scene, caller, peer):
    """T.120."""
    sharing = Call.outgoing(caller, peer.uri, peer.address)
    sharing.request("INVITE", bodies.sharing(caller.address[0]))
    peer.reply(peer.receive("INVITE"), 200, bodies.sharing(peer.address[0]), tag="p")
    sharing.ack(caller.receive(200))
    peer.receive("ACK")


@pytest.mark.parametrize("table", ["remade", "kept"])
def test_the_port_of_a_registered_client_is_reserved(make_scene, table):
    """As by an upgrade, whose default has ports that were given out before."""
    scene = make_scene(nat=True, config={"nat.reserved_ports": []})
    client, server = scene.agent(scene.lab.inside, 3478), scene.agent(scene.lab.server)
    assert register(client, server)[1] == 3478
    said = restart(scene, {"nat.reserved_ports": None} | (OTHER_RULES if table == "remade" else {}))
    assert "10.1.2.10:3478" in said and "nat.reserved_ports" in said
    assert Ctl(scene).json("bindings")["callbacks"] == []
    assert_table_comes_back(scene)
    _, port = register(client, server)
    assert port not in (3478, 0)
    assert_client_is_reached(scene, client, server, port)


def test_the_port_of_a_registered_client_is_a_sockets_for_a_moment(make_scene):
    """As of a resolver on the gateway: one for each question, at any port."""
    scene = make_scene(nat=True)
    client, server = scene.agent(scene.lab.inside, 41234), scene.agent(scene.lab.server)
    _, port = register(client, server)
    with scene.lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
        question.bind(("0.0.0.0", port))
        said = restart(scene, {})
    assert f"10.1.2.10:41234 keeps {OUTSIDE}:{port}" in said
    # From another port than that of the registration, which conntrack knows yet.
    assert_client_is_reached(scene, client, scene.agent(scene.lab.server, 5080), port)
    assert register(client, server)[1] == port


def test_a_service_listens_at_the_port_of_a_registered_client(make_scene):
    scene = make_scene(nat=True)
    client, server = scene.agent(scene.lab.inside, 41234), scene.agent(scene.lab.server)
    _, port = register(client, server)
    with scene.lab.gateway.socket(socket.AF_INET, socket.SOCK_STREAM) as service:
        service.bind(("0.0.0.0", port))
        service.listen()
        said = restart(scene, {})
        assert f"10.1.2.10:41234 had {OUTSIDE}:{port}" in said
        assert register(client, server)[1] != port


def test_the_port_of_application_sharing_is_reserved_while_it_goes_on(make_scene):
    scene = make_scene(nat=True, config={"nat.reserved_ports": []})
    share(scene, scene.agent(scene.lab.inside), scene.agent(scene.lab.peer))
    wait_until(lambda: " 1503 " in scene.lab.gateway.run("nft", "list", "map", *TABLE, "dnat4"), 2, "the port")
    said = restart(scene, {"nat.reserved_ports": [1503]})
    assert f"10.1.2.10:1503 had {OUTSIDE}:1503" in said
    assert " 1503 " not in scene.lab.gateway.run("nft", "list", "map", *TABLE, "dnat4")


def test_the_port_of_a_running_call_is_reserved(make_scene):
    scene = make_scene(nat=True, config={"nat.reserved_ports": []})
    _, callee, out, _ = call_out(scene, port=51820)
    media = scene.media(51820, 40000)
    media.assert_passes()
    said = restart(scene, {"nat.reserved_ports": None} | OTHER_RULES)
    assert "10.1.2.10:51820" in said and "nat.reserved_ports" in said
    media.assert_passes()  # by what conntrack knows
    assert_table_comes_back(scene)
    media.assert_passes()
    hang_up(out, callee)
    scene.wait_closed()


def test_a_reserved_port_of_application_sharing_takes_nobody_along(make_scene):
    """T.120 has one port only. If that is reserved, no client gets it, and what is answered in the same batch opens."""
    scene = make_scene(nat=True, config={"nat.reserved_ports": [1503]})
    caller, peer = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    other, third = scene.agent(scene.lab.inside2), scene.agent(scene.lab.third)
    sharing = Call.outgoing(caller, peer.uri, peer.address)
    sharing.request("INVITE", bodies.sharing(caller.address[0]))
    to_share = peer.receive("INVITE")
    assert " 1503 " not in to_share.body
    speaking = Call.outgoing(other, third.uri, third.address)
    speaking.request("INVITE", offer(scene.lab.inside2, 6000))
    to_speak = third.receive("INVITE")
    os.kill(scene.daemon.pid, signal.SIGSTOP)  # so that both answers come in one batch
    peer.reply(to_share, 200, bodies.sharing(peer.address[0]), tag="p")
    third.reply(to_speak, 200, offer(scene.lab.third, 7000), tag="t")
    time.sleep(0.2)
    os.kill(scene.daemon.pid, signal.SIGCONT)
    speaking.ack(other.receive(200))
    third.receive("ACK")
    scene.media(6000, 7000, inside=scene.lab.inside2, outside=scene.lab.third).assert_inbound_passes()
    assert Ctl(scene).json("status")["counters"]["failures"] == 0
    assert "1503" not in scene.lab.gateway.run("nft", "list", "map", *TABLE, "dnat4")
    assert_table_comes_back(scene)


def test_a_registration_opens_all_but_the_port_that_is_reserved(make_scene):
    scene = make_scene(nat=True, config={"policy.fixed_ranges": "registered", "nat.reserved_ports": [1503, 6891]})
    register(scene.agent(scene.lab.inside), scene.agent(scene.lab.server))
    translated = wait_until(lambda: (found := scene.lab.gateway.run("nft", "list", "map", *TABLE, "dnat_open4"))
                            and " 6892 " in found and found, 2, "the ports")
    assert " 6891 " not in translated and " 1503 " not in translated
    assert_table_comes_back(scene)


@pytest.mark.parametrize("table", ["remade", "kept"])
def test_the_outside_address_changes_while_the_daemon_is_stopped(make_scene, table):
    scene = make_scene(nat=True)
    gateway = scene.lab.gateway
    client, server = scene.agent(scene.lab.inside, 5070), scene.agent(scene.lab.server)
    register(client, server)
    call_out(scene)
    scene.daemon.stop()
    found = gateway.run("ip", "-4", "-o", "addr", "show", "dev", "outside").split()
    old = found[found.index("inet") + 1]
    other = old.rpartition(".")[0] + ".222/" + old.partition("/")[2]
    gateway.run("ip", "addr", "del", old, "dev", "outside")
    gateway.run("ip", "addr", "add", other, "dev", "outside")
    if table == "remade":
        scene.daemon.configure(OTHER_RULES)
    scene.daemon.start()
    assert_table_comes_back(scene)
    assert OUTSIDE not in gateway.run("nft", "list", "table", *TABLE)
    # With the address, all is there again.
    gateway.run("ip", "addr", "del", other, "dev", "outside")
    gateway.run("ip", "addr", "add", old, "dev", "outside")
    wait_until(lambda: f"{OUTSIDE} . udp . 5070" in gateway.run("nft", "list", "map", *TABLE, "dnat4"), 3, "its place")
    assert "turned down" not in scene.daemon.log


def test_a_client_is_not_inside_any_more(make_scene):
    scene = make_scene(nat=True, config={"network.inside": ["10.1.2.0/24"]})
    register(scene.agent(scene.lab.inside, 7100), scene.agent(scene.lab.server))
    call_out(scene)
    reload(scene, {"network.inside": ["10.1.2.11/32"]})
    assert_table_comes_back(scene)
    assert open_ports(scene.lab.gateway) == []
    restart(scene, OTHER_RULES)
    assert_table_comes_back(scene)


@pytest.mark.parametrize("how", [restart, reload])
@pytest.mark.parametrize("changes", [{"network.inside": ["10.1.2.11/32"]}, {"network.protected_ports": [5350, 5351]},
                                     {"network.media_ports": "20000-30000"}], ids=["inside", "protected", "range"])
def test_what_may_not_be_open_any_more_is_closed_and_told_of(make_scene, changes, how):
    scene = make_scene(nat=True, config={"network.inside": ["10.1.2.0/24"]})
    call_out(scene)
    media = scene.media(5350, 40000)
    media.assert_inbound_passes()
    said = how(scene, changes)
    assert open_ports(scene.lab.gateway) == []
    media.assert_inbound_blocked()
    assert "2 pinholes and call-backs are closed" in said and "pinholes of running calls" not in said
    assert [one for one in Ctl(scene).json("pinholes")["pinholes"] if one["in_kernel"]] == []


def test_a_client_is_not_called_back_at_a_port_that_is_protected_by_now(make_scene):
    scene = make_scene(nat=True)
    client, server = scene.agent(scene.lab.inside, 7100), scene.agent(scene.lab.server)
    register(client, server)
    wait_until(lambda: pinholes(scene.lab.gateway, CALLBACKS), 2, "the call-back")
    assert "1 pinholes and call-backs are closed" in reload(scene, {"network.protected_ports": [7100]})
    assert pinholes(scene.lab.gateway, CALLBACKS) == []


def test_the_inside_interface_gets_another_network(make_scene):
    scene = make_scene(nat=True, config={"network.inside": None, "network.inside_interfaces": ["inside"]})
    register(scene.agent(scene.lab.inside, 7100), scene.agent(scene.lab.server))
    call_out(scene)
    gateway = scene.lab.gateway
    gateway.run("ip", "addr", "del", "10.1.2.1/24", "dev", "inside")
    gateway.run("ip", "addr", "add", "10.1.3.1/24", "dev", "inside")
    time.sleep(0.5)
    reload(scene, {})
    assert_table_comes_back(scene)


@pytest.mark.parametrize("nat", [False, True], ids=["routed", "nat"])
@pytest.mark.parametrize("changes", [{"tls.servers": ["203.0.113.0/24"]}, {"tls.port": 5070},
                                     {"network.inside": ["10.1.2.11/32"], "tls.silence": "40s"}],
                         ids=["servers", "port", "inside"])
def test_a_tls_client_is_none_any_more(make_scene, changes, nat):
    scene = make_scene(nat=nat, config={"tls.media": "static-range", "tls.servers": ["198.51.100.0/24"],
                                        "tls.silence": "30s", "network.inside": ["10.1.2.0/24"]})
    server = scene.keep(TlsServer(scene.lab.server, scene.lab.directory))
    client = TlsClient(scene.lab.inside, server)
    client.say()
    said = restart(scene, changes)
    assert "turned down" not in said and "1 TLS connections open nothing any more" in said
    assert_table_comes_back(scene)
    assert "10.1.2.10" not in scene.lab.gateway.run("nft", "list", "set", *TABLE, "tls_clients4")


def test_a_connection_to_a_client_that_is_not_inside_any_more_goes_on(make_scene):
    """Its packets still come to the queue, and have to leave it."""
    scene = make_scene(nat=True, transport="tcp", config={"network.inside": ["10.1.2.0/24"]})
    client, server = scene.agent(scene.lab.inside, 7100), scene.agent(scene.lab.server)
    uri, port = register(client, server)
    call = Call.outgoing(server, uri, server.connect((OUTSIDE, port)))
    call.request("INVITE", offer(scene.lab.server, 40000))
    invite = client.receive("INVITE")
    client.reply(invite, 200, offer(scene.lab.inside, 5350), tag="c1")
    call.ack(server.receive(200))
    client.receive("ACK")
    reload(scene, {"network.inside": ["10.1.2.11/32"]})
    call.request("BYE")
    client.reply(client.receive("BYE"), 200)
    server.receive((200, "BYE"))
    status = Ctl(scene).json("status")
    assert [queue["waiting"] for queue in status["queues"]] == [0] * len(status["queues"])
    assert status["counters"]["verdict_errors"] == 0
