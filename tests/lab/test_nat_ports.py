# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind NAT: outside ports are given out, come back, and run out."""

import json
import time

from lab.conntrack import entries
from lab.crowd import Crowd
from lab.ctl import Ctl
from lab.nat import OUTSIDE, call_out, offer, public_port, register
from lab.namespaces import wait_until
from lab.pinholes import open_ports
from lab.scene import audio, hang_up, sdp
from lab.sipua import Call

CALLS = 10_000
AT_ONCE = 20
PAIRS = 64
PINHOLE_MARK = 1 << 28  # marks.base_bit
FEW_PORTS = {"nat.keep_numbers": False, "nat.media_ports": f"50000-{50000 + 2 * PAIRS - 1}"}


class Office:
    """Scripts of all the ways that calls of one inside host with a peer can go, for a Crowd."""

    def __init__(self, scene):
        self.scene = scene
        self.inside = scene.agent(scene.lab.inside)
        self.peer = scene.agent(scene.lab.peer)
        self.answer = offer(scene.lab.peer, 40000)
        uri, port = register(self.inside, self.peer)
        self._at_home = uri, (OUTSIDE, port)

    def scripts(self, numbers):
        """Each call has inside ports of its own: the next one could not have its ports if they were not given back."""
        kinds = (self.hung_up_inside, self.hung_up_outside, self.from_outside, self.moved, self.declined, self.cancelled,
                 self.offered_late)
        for number in numbers:
            kind = kinds[number % len(kinds)]
            own = Call.outgoing(self.inside, self.peer.uri, self.peer.address)
            call = Call.outgoing(self.peer, *self._at_home) if kind == self.from_outside else own
            yield call.call_id, kind(call, 20002 + 4 * number)

    def description(self, port):
        return offer(self.scene.lab.inside, port)

    def _established(self, call, port):
        call.request("INVITE", self.description(port))
        invite = yield self.peer, "INVITE"
        self.peer.reply(invite, 200, self.answer, tag="p")
        call.ack((yield self.inside, 200))
        yield self.peer, "ACK"
        return invite

    def _hung_up(self, call, other):
        call.request("BYE")
        other.reply((yield other, "BYE"), 200)
        yield call.agent, 200

    def hung_up_inside(self, call, port):
        yield from self._established(call, port)
        yield from self._hung_up(call, self.peer)

    def hung_up_outside(self, call, port):
        invite = yield from self._established(call, port)
        yield from self._hung_up(Call.incoming(self.peer, invite, "p"), self.inside)

    def from_outside(self, call, port):
        call.request("INVITE", self.answer)
        invite = yield self.inside, "INVITE"
        self.inside.reply(invite, 200, self.description(port), tag="i")
        call.ack((yield self.peer, 200))
        yield self.inside, "ACK"
        yield from self._hung_up(call, self.inside)

    def moved(self, call, port):
        """To another port, in the middle of the call."""
        yield from self._established(call, port)
        yield from self._established(call, port + 2)
        yield from self._hung_up(call, self.peer)

    def declined(self, call, port):
        call.request("INVITE", self.description(port))
        self.peer.reply((yield self.peer, "INVITE"), 603, tag="p")
        call.ack((yield self.inside, 603))
        yield self.peer, "ACK"

    def cancelled(self, call, port):
        call.request("INVITE", self.description(port))
        invite = yield self.peer, "INVITE"
        self.peer.reply(invite, 183, self.answer, tag="p")
        yield self.inside, 183
        call.cancel()
        self.peer.reply((yield self.peer, "CANCEL"), 200)
        yield self.inside, (200, "CANCEL")
        self.peer.reply(invite, 487, tag="p")
        call.ack((yield self.inside, 487))
        yield self.peer, "ACK"

    def offered_late(self, call, port):
        call.request("INVITE")
        self.peer.reply((yield self.peer, "INVITE"), 200, self.answer, tag="p")
        call.ack((yield self.inside, 200), self.description(port))
        yield self.peer, "ACK"
        yield from self._hung_up(call, self.peer)


def elements(gateway):
    """How many elements the sets and maps have: what is known of media, and of Contacts. Those of the first packets of
    flows go by themselves."""
    listing = json.loads(gateway.run("nft", "-j", "list", "table", "inet", "messenger_alg"))
    sets = [item.get("set") or item.get("map") for item in listing["nftables"] if "set" in item or "map" in item]
    return {one["name"]: len(one.get("elem", [])) for one in sets if not one["name"].startswith("admitted")}


def test_ten_thousand_calls_leave_nothing_behind(make_scene, record_property):
    """Through so few ports that the first leak of many, or the last of few, would be seen."""
    # So many calls from one host are over a limit, and a call that is over is known for 32 s more; neither is tried here.
    unlimited = {"limits.messages_per_second": 0, "limits.calls_per_host": 2 * CALLS, "timeouts.transaction": "1s",
                 "network.protected_ports": [], "journal.bytes": 1 << 16}
    scene = make_scene(nat=True, config={**FEW_PORTS, **unlimited, "log.level": "notice"})
    gateway, control = scene.lab.gateway, Ctl(scene)
    office = Office(scene)
    idle = elements(gateway)
    cpu, memory = scene.daemon.usage()
    begun = time.monotonic()
    Crowd(office.inside, office.peer).run(office.scripts(range(CALLS // 2)), AT_ONCE)
    _, memory_half = scene.daemon.usage()
    Crowd(office.inside, office.peer).run(office.scripts(range(CALLS // 2, CALLS)), AT_ONCE)
    took = time.monotonic() - begun
    cpu_after, memory_after = scene.daemon.usage()
    measured = {
        "calls_per_second": round(CALLS / took),
        "daemon_cpu_us_per_call": round((cpu_after - cpu) / CALLS * 1e6),
        "rss_kib_before": memory,
        "rss_kib_half": memory_half,
        "rss_kib_after": memory_after,
    }
    for name, value in measured.items():
        record_property(name, value)
    print(measured)
    status = control.json("status")
    assert "refused" not in scene.daemon.log, "a call had no port, and would have had no media"

    status = control.wait(lambda answer: answer["calls"] == 0, "status")
    assert (status["pinholes"], status["bindings"], status["counters"]["failures"]) == (0, idle["snat4"], 0)
    wait_until(lambda: elements(gateway) == idle, 5, "the last elements of calls to go")
    # How much it needs depends on how many calls of the last second it knows; beyond that, more calls take nothing.
    assert memory_after - memory < 32 << 10
    assert memory_after - memory_half < 8 << 10
    assert_only_what_runs_out(gateway)
    assert_every_port_is_free(scene, office)


def assert_only_what_runs_out(gateway):
    """What conntrack still has of media that never came: the entries made beforehand for the last call of each outside
    port, which are forgotten a minute after that. No other call's, and nothing that stays."""
    media = [entry for entry in entries(gateway) if 5060 not in entry.original]
    assert {entry.proto for entry in media} == {"udp"} and all(entry.mark & PINHOLE_MARK for entry in media)
    assert max(entry.seconds for entry in media) <= 60
    outside = [entry.original[2:] for entry in media]
    assert len(set(outside)) == len(outside) <= 2 * PAIRS
    assert len(entries(gateway)) - len(media) <= 2, "SIP of one inside host with one peer, begun by either"


def assert_every_port_is_free(scene, office):
    """Calls for all of them at once. One number of the range is the Contact's, and so its neighbour is of no use."""
    callers = [Call.outgoing(office.inside, office.peer.uri, office.peer.address) for _ in range(PAIRS - 1)]
    invites = []
    for number, call in enumerate(callers):
        call.request("INVITE", office.description(60002 + 4 * number))
        invites.append(office.peer.receive("INVITE"))
        office.peer.reply(invites[-1], 200, office.answer, tag="p")
        call.ack(office.inside.receive(200))
        office.peer.receive("ACK")
    ports = [public_port(invite) for invite in invites]
    assert len(set(ports)) == len(callers) and all(50000 <= port < 50000 + 2 * PAIRS for port in ports)
    scene.media(60002, 40000, public_port=ports[0]).assert_inbound_passes()


def test_flows_made_beforehand_run_out(make_scene):
    """Of a call without media conntrack has an entry for RTP and one for RTCP. They lead nowhere once the call is over,
    and are forgotten with timeouts.first_packet."""
    scene = make_scene(nat=True, config={"timeouts.first_packet": "3s"})
    caller, callee, out, invite = call_out(scene)
    port = public_port(invite)
    media = scene.media(5350, 40000, public_port=port)
    inside, peer = scene.lab.inside.ip4, scene.lab.peer.ip4

    def tracked():
        return [entry for entry in entries(scene.lab.gateway) if 5060 not in entry.original]

    def flow(odd):
        return (peer, 40000 + odd, OUTSIDE, port + odd), (inside, 5350 + odd, peer, 40000 + odd)

    hang_up(out, callee)
    assert sorted((entry.original, entry.reply) for entry in tracked()) == [flow(0), flow(1)]
    assert all(0 < entry.seconds <= 3 and entry.mark == PINHOLE_MARK for entry in tracked())
    wait_until(lambda: not tracked(), 5, "conntrack to forget the call")
    media.assert_inbound_blocked()


def test_the_next_call_of_the_same_ends_has_another_outside_port(make_scene):
    """Where ports are short they serve others soon. Conntrack still has the flows that were made beforehand for the
    first call; they must carry neither the media of whoever has its port now, nor that of its own next call."""
    # Each Contact takes one and leaves its neighbour to nobody, so there are two pairs for media.
    scene = make_scene(nat=True, config={"nat.keep_numbers": False, "nat.media_ports": "50000-50007"})
    first, second, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.inside2), scene.agent(scene.lab.peer)

    def call(caller, port, peer_port):
        out = Call.outgoing(caller, callee.uri, callee.address)
        out.request("INVITE", sdp(caller.address[0], audio(port)))
        invite = callee.receive("INVITE")
        callee.reply(invite, 200, offer(scene.lab.peer, peer_port), tag=f"p{peer_port}")
        out.ack(caller.receive(200))
        callee.receive("ACK")
        return out, public_port(invite)

    over, had = call(first, 5350, 40000)
    hang_up(over, callee)
    hang_up(call(second, 6350, 42000)[0], callee)
    _, taken = call(second, 7350, 44000)
    assert taken == had, "the port that nobody has used for the longest time"
    _, has = call(first, 5350, 40000)
    assert has != had
    scene.media(5350, 40000, public_port=has).assert_passes()
    scene.media(7350, 44000, inside=scene.lab.inside2, public_port=taken).assert_passes()


def test_two_hosts_with_the_same_ports(make_scene):
    scene = make_scene(nat=True)
    callee = scene.agent(scene.lab.peer)
    seen = []
    for number, host in enumerate((scene.lab.inside, scene.lab.inside2)):
        caller = scene.agent(host)
        call = Call.outgoing(caller, callee.uri, callee.address)
        call.request("INVITE", offer(host, 5350))
        invite = callee.receive("INVITE")
        callee.reply(invite, 200, offer(scene.lab.peer, 40000 + 10 * number), tag="p1")
        call.ack(caller.receive(200))
        callee.receive("ACK")
        seen.append((host, public_port(invite), 40000 + 10 * number))
    assert seen[0][1] != seen[1][1] and seen[1][1] % 2 == 0
    for host, port, peer_port in seen:
        scene.media(5350, peer_port, inside=host, public_port=port).assert_passes()


def test_without_a_port_only_that_calls_media_stays_closed(make_scene):
    scene = make_scene(nat=True, config={"nat.media_ports": "50000-50003", "nat.keep_numbers": False})
    caller = scene.agent(scene.lab.inside, 5070)  # its Contact takes the first one, a pair the last two
    callee = scene.agent(scene.lab.peer)
    calls, ports = [], []
    for port in (5350, 5360):
        call = Call.outgoing(caller, callee.uri, callee.address)
        call.request("INVITE", offer(scene.lab.inside, port))
        invite = callee.receive("INVITE")
        callee.reply(invite, 200, offer(scene.lab.peer, 40000 + port), tag=f"p{port}")
        call.ack(caller.receive(200))
        callee.receive("ACK")
        calls.append(call)
        ports.append(public_port(invite))
    assert "no outside port is left" in scene.daemon.log
    scene.media(5350, 45350, public_port=ports[0]).assert_passes()
    # Nothing leads to the number that the second call's description says; the gateway took it from the inside host.
    assert ports == [50002, 5360]
    without = scene.media(5360, 45360)
    without.assert_inbound_blocked()
    assert not [element for element in open_ports(scene.lab.gateway) if element[1] in (5360, 5361)]
    hang_up(calls[0], callee)
    # And its port serves the next one.
    calls[1].request("INVITE", offer(scene.lab.inside, 5360))
    again = callee.receive("INVITE")
    callee.reply(again, 200, offer(scene.lab.peer, 45360))
    calls[1].ack(caller.receive(200))
    callee.receive("ACK")
    assert public_port(again) == 50002
    without.shown = without.inbound.destination = OUTSIDE, 50002
    without.assert_passes()
