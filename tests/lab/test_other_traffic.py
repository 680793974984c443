# SPDX-License-Identifier: GPL-2.0-or-later
"""What is neither signalling nor media is asked about once for each flow, where that can hold for as long as it lives."""

import contextlib
import json

import pytest

from lab.media import Flow, Port, Running
from lab.scene import call_peer, hang_up
from lab.tcp import Listener, dial

LABEL = 127


@contextlib.contextmanager
def watched(gateway, matches):
    """matches: name -> what of a rule says which packets. Yields a function that gives, for each name, how many there
    were and how many of a flow that came with the label.
    """
    names = [f"{kind}_{name}" for name in matches for kind in ("all", "labelled")]
    rules = "\n".join(f"{match} counter name all_{name}\n{match} ct label {LABEL} counter name labelled_{name}"
                      for name, match in matches.items())
    counters = "".join(f"counter {name} {{ }}\n" for name in names)
    gateway.run("nft", "-f", "-", stdin=f"""table inet watched {{
{counters}chain look {{ type filter hook forward priority -30; policy accept;
{rules}
}}
}}
""")

    def count():
        listing = json.loads(gateway.nft("list counters table inet watched", as_json=True))["nftables"]
        seen = {one["counter"]["name"]: one["counter"]["packets"] for one in listing if "counter" in one}
        return {name: (seen[f"all_{name}"], seen[f"labelled_{name}"]) for name in matches}

    try:
        yield count
    finally:
        gateway.nft("delete table inet watched")


def exchange(client, server, count=5):
    for _ in range(count):
        client.sendall(b"question")
        assert server.recv(100) == b"question"
        server.sendall(b"answer")
        assert client.recv(100) == b"answer"


@pytest.mark.parametrize("nat", [False, True], ids=["routed", "nat"])
def test_connections_are_asked_about_once(make_scene, nat):
    scene = make_scene(nat=nat)
    listener = scene.keep(Listener(scene.lab.peer, 8080))
    with watched(scene.lab.gateway, {"web": "tcp dport 8080", "back": "tcp sport 8080"}) as count:
        client = dial(scene.lab.inside, listener.address)
        server, _ = listener.accept()
        exchange(client, server)
        for packets, labelled in count().values():
            assert labelled >= packets - 1 >= 4, "all but the first at most"
        client.close()
        server.close()


@pytest.mark.parametrize("port, once", [(443, True), (53, True), (4500, False)])
def test_datagrams_are_asked_about_once_where_a_port_is_low(make_scene, port, once):
    """Later a pinhole may open for the others: see below."""
    scene = make_scene()
    server = scene.keep(Port(scene.lab.peer, scene.lab.peer.ip4, port))
    client = scene.keep(Port(scene.lab.inside, scene.lab.inside.ip4, 40000))
    with watched(scene.lab.gateway, {"out": f"udp dport {port}", "back": f"udp sport {port}"}) as count:
        for _ in range(5):
            Flow(client, server.address).send(1)
            Flow(server, client.address).send(1)
        counted = count()
        assert counted["out"][0] == counted["back"][0] == 5
        assert (counted["out"][1], counted["back"][1]) == ((4, 5) if once else (0, 0))


def noted(gateway, name):
    listing = json.loads(gateway.nft(f"list set inet messenger_alg {name}", as_json=True))
    elements = next(one["set"].get("elem", []) for one in listing["nftables"] if "set" in one)
    return {(f"{source}:{sport}", f"{destination}:{dport}")
            for source, destination, _, sport, dport in (one["elem"]["val"]["concat"] for one in elements)}


@pytest.mark.parametrize("nat, family", [(False, 4), (True, 4), (False, 6)], ids=["routed", "nat", "IPv6"])
def test_other_datagrams_are_asked_about_once_in_a_while(make_scene, nat, family):
    """Before conntrack they have the addresses that they arrive with."""
    scene = make_scene(nat=nat)
    lab = scene.lab
    server = scene.keep(Port(lab.peer, lab.peer.address(family), 4500))
    client = scene.keep(Port(lab.inside, lab.inside.address(family), 40000))
    shown = (scene.outside_address, 40000) if nat else client.address
    Flow(client, server.address).send(3)
    assert noted(lab.gateway, f"others{family}") == set(), "nobody has answered"
    for _ in range(2):
        Flow(server, shown).send(1)
        Flow(client, server.address).send(1)
    text = ["{}:{}".format(*one) for one in (client.address, server.address, shown)]
    assert noted(lab.gateway, f"others{family}") == {(text[0], text[1]), (text[1], text[0])}
    assert noted(lab.gateway, f"admitted{family}") == {(text[0], text[1]), (text[1], text[2])}


def test_what_the_firewall_drops_may_be_early_media_and_is_not_noted(make_scene):
    scene = make_scene()
    media = scene.media(40000, 50000)
    media.inbound.send(3)
    assert noted(scene.lab.gateway, "others4") == noted(scene.lab.gateway, "admitted4") == set()
    call_peer(scene)
    scene.wait_open(40000)
    media.assert_passes()


def test_a_flow_that_becomes_media_is_media_soon_and_ends_with_the_call(make_scene):
    scene = make_scene()
    media = scene.media(40000, 50000)
    media.outbound.send(1)
    media.assert_passes()
    assert noted(scene.lab.gateway, "others4")
    out, back = call_peer(scene)
    scene.wait_open(40000)
    with Running([media.inbound, media.outbound], interval=0.1) as running:
        running.wait_sent(60)
    hang_up(out, back.agent)
    scene.wait_closed()
    media.assert_inbound_blocked()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_signalling_and_media_are_never_taken_for_it(make_scene, transport):
    scene = make_scene(transport=transport)
    matches = {"sip": f"{transport} dport 5060", "answers": f"{transport} sport 5060", "media": "udp dport 40000",
               "sound": "udp sport 40000"}
    with watched(scene.lab.gateway, matches) as count:
        out, back = call_peer(scene)
        media = scene.media(40000, 50000)
        media.assert_passes()
        hang_up(out, back.agent)
        scene.wait_closed()
        for packets, labelled in count().values():
            assert packets > 0 and labelled == 0


def test_media_that_an_inside_host_sends_before_its_pinhole_opens_ends_with_the_call(make_scene):
    """To the firewall it is a flow like any other by then."""
    scene = make_scene()
    media = scene.media(40000, 50000)
    media.outbound.send(3)
    out, back = call_peer(scene)
    scene.wait_open(40000)
    media.assert_passes()
    hang_up(out, back.agent)
    scene.wait_closed()
    media.assert_inbound_blocked()


def test_a_connection_of_signalling_is_read_on_after_the_set_of_ports_was_empty(make_scene):
    """Its packets come to the end of the chain meanwhile, but the flow has its mark by then."""
    scene = make_scene(transport="tcp")
    out, back = call_peer(scene)
    scene.wait_open(40000)
    scene.daemon.stop()
    scene.lab.gateway.nft("flush set inet messenger_alg sip_ports")
    other, other_back = call_peer(scene, 42000, "u2", (out.agent, back.agent))
    hang_up(other, other_back.agent)
    scene.daemon.start()
    hang_up(out, back.agent)
    scene.wait_closed()


def test_datagrams_of_signalling_that_nobody_could_know_are_read_once_the_ports_are_back(make_scene):
    """Without them it looks like any other flow, and would be left alone for seconds."""
    scene = make_scene()
    gateway = scene.lab.gateway
    scene.daemon.stop()
    gateway.nft("flush set inet messenger_alg sip_ports")
    client = scene.keep(Port(scene.lab.inside, scene.lab.inside.ip4, 5060))
    server = scene.keep(Port(scene.lab.peer, scene.lab.peer.ip4, 5060))
    for _ in range(2):
        Flow(client, server.address).send(1)
        Flow(server, client.address).send(1)
    assert noted(gateway, "others4")
    client.close()
    server.close()
    scene.daemon.start()
    out, back = call_peer(scene)
    scene.wait_open(40000)
    hang_up(out, back.agent)
    scene.wait_closed()
