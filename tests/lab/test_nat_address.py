# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT: the outside address changes while there are calls, as a provider's DHCP or PPPoE does it."""

import json
import time

import pytest

from lab import sdpview
from lab.nat import OUTSIDE, call_out, offer, public_port, register
from lab.namespaces import wait_until
from lab.scene import PROBE, hang_up
from lab.sipua import Call
from lab.topology import INTERNET_ROUTES

OTHER = "192.0.2.77"
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def change_address(scene, old, new):
    """The interface keeps its name; the hosts outside find the new address on the same wire."""
    routes = [f"route replace {network} dev outside" for network in INTERNET_ROUTES]
    scene.lab.gateway.ip_batch(f"address del {old}/24 dev outside", f"address add {new}/24 dev outside", *routes)
    for host in (scene.lab.server, scene.lab.peer, scene.lab.third):
        host.ip_batch(f"route replace {new}/32 dev eth0 src {host.ip4}")
    wait_until(lambda: f"from {old} to {new}" in scene.daemon.log, 3, "the daemon to notice")
    scene.outside_address = new


def elements_naming(gateway, address):
    """The elements of our table that name an address, in a key, a target or a comment; not of what passed once."""
    listing = json.loads(gateway.run("nft", "-j", "list", "table", "inet", "messenger_alg"))
    kinds = [item.get("set") or item.get("map") for item in listing["nftables"] if "set" in item or "map" in item]
    kinds = [one for one in kinds if not one["name"].startswith("admitted")]
    named = [(one["name"], element) for one in kinds for element in one.get("elem", [])]
    return [entry for entry in named if f'"{address}' in json.dumps(entry)]


def media_flows_naming(gateway, address):
    with gateway.entered(), open("/proc/net/nf_conntrack", encoding="ascii") as table:
        return [line for line in table if f"={address} " in line and "udp" in line and "port=5060 " not in line]


class OldCall:
    """A call from before the change, and its media."""

    def __init__(self, scene, transport):
        self.scene = scene
        self.caller, self.callee, self.out, invite = call_out(scene, transport)
        self.media = scene.media(5350, 40000, public_port=public_port(invite))
        self.media.assert_passes()

    def assert_media_follows(self):
        """The inside host goes on sending, from the new address now; a peer that answers where media comes from is heard."""
        tap = self.scene.tap(self.scene.lab.peer)
        self.media.outbound.send(PROBE, 0.005)
        sources = {(p.src, p.sport) for p in tap.arrived(dst=self.media.outside.address) if p.src == OTHER}
        assert len(sources) == 1, "nothing came from the new address"
        self.media.inbound.destination = sources.pop()
        self.media.assert_inbound_passes()


def end_old_call(old, transport):
    """Over TCP its connection is gone: the inside host learns so when it speaks, and connects anew."""
    if transport == "tcp":
        with pytest.raises(ConnectionError):
            for _ in range(20):
                old.out.request("OPTIONS")
                time.sleep(0.05)
        old.caller.forget_connections()
        old.out.to = old.caller.connect(old.callee.address)
    hang_up(old.out, old.callee)


@TRANSPORTS
def test_running_calls_and_new_ones(make_scene, transport):
    scene = make_scene(nat=True)
    old = OldCall(scene, transport)
    gateway = scene.lab.gateway
    assert elements_naming(gateway, OUTSIDE) and media_flows_naming(gateway, OUTSIDE)

    change_address(scene, OUTSIDE, OTHER)
    assert elements_naming(gateway, OUTSIDE) == []
    assert media_flows_naming(gateway, OUTSIDE) == []
    old.assert_media_follows()

    caller = scene.agent(scene.lab.inside2, transport=transport)
    new = Call.outgoing(caller, old.callee.uri, caller.connect(old.callee.address))
    new.request("INVITE", offer(scene.lab.inside2, 6350))
    invite = old.callee.receive("INVITE")
    assert sdpview.address(invite.body) == OTHER and f"@{OTHER}:" in invite.get("Contact")
    old.callee.reply(invite, 200, offer(scene.lab.peer, 42000), tag="p2")
    new.ack(caller.receive(200))
    old.callee.receive("ACK")
    media = scene.media(6350, 42000, inside=scene.lab.inside2, public_port=public_port(invite))
    media.assert_passes()

    end_old_call(old, transport)
    hang_up(new, old.callee)
    media.assert_inbound_blocked()
    scene.wait_closed()


@TRANSPORTS
def test_a_client_that_registers_anew_is_called(make_scene, transport):
    scene = make_scene(nat=True, transport=transport)
    client = scene.agent(scene.lab.inside, 5062)
    server = scene.agent(scene.lab.server)
    register(client, server)
    change_address(scene, OUTSIDE, OTHER)
    client.forget_connections()
    assert elements_naming(scene.lab.gateway, OUTSIDE) == []
    uri, port = register(client, server)
    assert f"@{OTHER}:" in uri
    call = Call.outgoing(server, uri, server.connect((OTHER, port)))
    call.request("INVITE", offer(scene.lab.server, 40000))
    invite = client.receive("INVITE")
    assert scene.lab.inside.ip4 in invite.start_line


def test_an_address_that_comes_back(make_scene):
    """A link that fails and returns with the same address: the calls from before have all that they had."""
    scene = make_scene(nat=True)
    old = OldCall(scene, "udp")
    before = elements_naming(scene.lab.gateway, OUTSIDE)
    change_address(scene, OUTSIDE, OTHER)
    change_address(scene, OTHER, OUTSIDE)
    wait_until(lambda: len(elements_naming(scene.lab.gateway, OUTSIDE)) == len(before), 2, "the elements of the call")
    old.media.assert_passes()
