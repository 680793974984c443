# SPDX-License-Identifier: GPL-2.0-or-later
"""What most tests begin with: a lab with its firewall and daemon, an agent on either side, and taps on the hosts' wires."""

import contextlib
import time

from lab import pinholes
from lab.daemon import Daemon
from lab.firewall import Firewall
from lab.media import Flow, Port, send_all
from lab.sipmsg import audio, sdp
from lab.sipua import Agent, Call
from lab.tap import Tap
from lab.topology import GATEWAY_OUTSIDE, Lab

PROBE = 10
PROBE_INTERVAL = 0.005
# Packets that passed the gateway before a BYE may still be on their way to a host when the BYE has reached the other.
WIRE = 0.002


class Media:
    """An RTP stream between an inside port and an outside port, in both directions.

    shown: the inside end as the outside knows it. Behind NAT that is the gateway's address, with public_port (or the same).
    """

    def __init__(self, scene, inside, outside, inside_port, outside_port, public_port=None):
        self._inside_tap, self._outside_tap = scene.tap(inside), scene.tap(outside)
        self.inside = Port(inside, inside.address(scene.family), inside_port)
        self.outside = Port(outside, outside.address(scene.family), outside_port)
        self.shown = (scene.outside_address, public_port or inside_port) if scene.nat else self.inside.address
        self.inbound = Flow(self.outside, self.shown)
        self.outbound = Flow(self.inside, self.outside.address)

    def close(self):
        self.inside.close()
        self.outside.close()

    def inbound_arrived(self, after=0.0):
        return self._inside_tap.arrived(self.outside.address, self.inside.address, after)

    def outbound_arrived(self, after=0.0):
        return self._outside_tap.arrived(self.shown, self.outside.address, after)

    def probe(self, flow, arrived):
        """Sends PROBE packets one way; how many arrived."""
        before = len(arrived())
        flow.send(PROBE, PROBE_INTERVAL)
        return len(arrived()) - before

    def assert_inbound_blocked(self):
        assert self.probe(self.inbound, self.inbound_arrived) == 0, "packets from outside reached the inside host"

    def assert_inbound_passes(self):
        count = self.probe(self.inbound, self.inbound_arrived)
        assert count == PROBE, f"{count} of {PROBE} packets from outside reached the inside host"

    def assert_passes(self):
        """Inbound first: that is what the firewall alone would drop."""
        self.assert_inbound_passes()
        count = self.probe(self.outbound, self.outbound_arrived)
        assert count == PROBE, f"{count} of {PROBE} packets from inside arrived"

    def counts(self):
        return len(self.inbound_arrived()), len(self.outbound_arrived())


class Scene:
    def __init__(self, family=4, transport="udp", config=None, daemon=True, extra_rule="", permissive=False, nat=False,
                 two_ways=False):
        self.family = family
        self.nat = nat
        self._two_ways = two_ways
        outside = ["outside", *(["outside2"] if two_ways else [])] if nat else []
        self.outside_address = GATEWAY_OUTSIDE[0]  # of the gateway, which inside hosts hide behind
        self.transport = transport
        self._config = {**({"nat.interfaces": outside} if nat else {}), **(config or {})}
        self._with_daemon = daemon
        self._firewall = {"extra_forward_rule": extra_rule, "permissive": permissive, "nat": outside}
        self._open = []
        self._taps = {}
        self.daemon = None

    def __enter__(self):
        self.lab = self.keep(Lab(routed=not self.nat, two_ways=self._two_ways).__enter__())
        try:
            self.firewall = Firewall(self.lab.gateway, **self._firewall)
            if self._with_daemon:
                self.daemon = self.keep(Daemon(self.lab, self._config)).start()
        except BaseException:
            self.close()
            raise
        return self

    def set_config(self, changes):
        """Before start_daemon()."""
        self._config.update(changes)

    def start_daemon(self, **options):
        """For a scene that was made without one. options: of Daemon.start()."""
        self.daemon = self.keep(Daemon(self.lab, self._config)).start(**options)

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.firewall.assert_untouched()
        finally:
            self.close()

    def is_open(self):
        return bool(self._open)

    def close(self):
        """All, also when one of them has something to say."""
        with contextlib.ExitStack() as rest:
            for one in self._open:
                rest.callback(one.close)
            self._open = []

    def keep(self, one):
        self._open.append(one)
        return one

    def tap(self, host):
        if host.host not in self._taps:
            self._taps[host.host] = self.keep(Tap(host))
        return self._taps[host.host]

    def agent(self, host, port=5060, transport=None):
        return self.keep(Agent(host, host.address(self.family), port, transport or self.transport))

    def media(self, inside_port, outside_port, inside=None, outside=None, public_port=None):
        """public_port: what the gateway shows behind NAT; it keeps an inside port's number while that is free."""
        inside, outside = inside or self.lab.inside, outside or self.lab.peer
        return self.keep(Media(self, inside, outside, inside_port, outside_port, public_port or inside_port))

    def inside_ports(self, *ports, host=None):
        """RTP ports of the inside host -> the (address, port) pairs that must be open for them: RTP and RTCP."""
        address = (host or self.lab.inside).address(self.family)
        return [(address, number) for port in ports for number in (port, port + 1)]

    def wait_open(self, *ports, seconds=2):
        pinholes.wait_for_ports(self.lab.gateway, self.inside_ports(*ports), seconds)

    def wait_closed(self, seconds=2):
        pinholes.wait_for_ports(self.lab.gateway, [], seconds)


def establish(caller, callee, offer, answer, cuts=(), tag="u1"):
    """INVITE, 180, 200, ACK between two agents. Returns both sides' Call."""
    out = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    out.request("INVITE", offer, cuts=cuts)
    invite = callee.receive("INVITE")
    callee.reply(invite, 180, tag=tag)
    caller.receive(180)
    callee.reply(invite, 200, answer, tag=tag, cuts=cuts)
    out.ack(caller.receive(200))
    callee.receive("ACK")
    return out, Call.incoming(callee, invite, tag)


def call_peer(scene, port=40000, tag="u1", agents=None):
    """A call with audio from the inside host's port to the peer's, which is 10000 above. agents: of a call before, which
    have their addresses. Returns both sides' Call."""
    caller, callee = agents or (scene.agent(scene.lab.inside), scene.agent(scene.lab.peer))
    offer, answer = sdp(caller.address[0], audio(port)), sdp(callee.address[0], audio(port + 10000))
    return establish(caller, callee, offer, answer, tag=tag)


def hang_up(call, other_agent):
    """BYE and its 200. Returns when the BYE was received, as a time.time()."""
    call.request("BYE")
    bye = other_agent.receive("BYE")
    received = time.time()
    other_agent.reply(bye, 200)
    call.agent.receive((200, "BYE"))
    return received


__all__ = ["Call", "Media", "PROBE", "Scene", "WIRE", "audio", "call_peer", "establish", "hang_up", "sdp", "send_all"]
