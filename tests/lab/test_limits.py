# SPDX-License-Identifier: GPL-2.0-or-later
"""Each of [limits], reached: what is over it passes and opens nothing, is counted and told; other hosts' calls are
unharmed.
"""

import os
import re

import pytest

from lab.attacks.attack import cases
from lab.attacks.excess import ATTACKS, WHOLE_TABLE
from lab.attacks.field import Field, HonestCall, refused
from lab.attacks.trial import repel
from lab.daemon import ROOT
from lab.forge import ACK, PSH, SYN
from lab.namespaces import wait_until
from lab.pinholes import open_ports
from lab.scene import audio, establish, hang_up, sdp


# A burst is part of a rate.
NAMED_BY = {"message_burst": "messages_per_second"}
# Nobody is refused for it: it only decides who has to go first when limits.flows is reached.
NOT_TOLD = {"flows_per_host"}


def key_of(excess):
    return excess.name.split()[0]


@pytest.mark.parametrize("excess,gateway", **cases(ATTACKS))
def test_over_the_limit(make_scene, excess, gateway):
    field = repel(make_scene, excess, gateway)
    if key_of(excess) not in WHOLE_TABLE:
        # The victim has had its share; the other host's is its own.
        another_call(field)


def another_call(field):
    call = field.call
    offer, answer = sdp(call.caller.address[0], audio(46000)), sdp(call.callee.address[0], audio(56000))
    out, _ = establish(call.caller, call.callee, offer, answer, tag="next")
    field.scene.media(46000, 56000, inside=field.other).assert_inbound_passes()
    hang_up(out, call.callee)


@pytest.mark.parametrize("excess,gateway", **cases([one for one in ATTACKS if key_of(one) not in NOT_TOLD]))
def test_the_log_names_the_key_that_sets_the_limit(make_scene, excess, gateway):
    """As the README promises to who has to raise it."""
    field = Field(make_scene(nat=gateway == "nat", config=excess.config))
    field.call = HonestCall(field)
    field.remember()
    excess.act(field)
    key = f"limits.{NAMED_BY.get(key_of(excess), key_of(excess))}"
    assert any(re.search(rf"\b{key}\b", line) for line in field.alerts()), f"no {key} in {field.alerts()}"


def test_no_limit_is_left_out():
    """Of those that the configuration has."""
    text = (ROOT / "packaging" / "messenger-alg.toml").read_text()
    section = re.search(r"(?ms)^\[limits\]$(.*?)^\[", text)[1]
    assert set(re.findall(r"(?m)^#(\w+) = ", section)) == {key_of(excess) for excess in ATTACKS}


@pytest.mark.parametrize("whose", ["outside", "inside"])
def test_connections_that_nobody_accepts_take_no_room(make_scene, whose):
    """A flood of SYN and SIP by a host that never answers fills no table that others need."""
    scene = make_scene(transport="tcp", config={"limits.flows": 64})
    field = Field(scene)
    source = field.attacker if whose == "outside" else field.victim
    target = field.victim.ip4 if whose == "outside" else "203.0.113.99"
    invite = field.request("INVITE", "flood", transport="TCP", source=source.ip4).text().encode()
    forger = field.forger(source)
    for number in range(200):
        here, there = (source.ip4, 20000 + number), (target, 5060)
        forger.tcp(here, there, 1000, 0, SYN)
        forger.tcp(here, there, 1001, 1, ACK | PSH, invite)
    caller, callee = scene.agent(field.other), scene.agent(scene.lab.peer)
    out, _ = establish(caller, callee, sdp(field.other.ip4, audio(42000)), sdp(scene.lab.peer.ip4, audio(52000)))
    assert open_ports(scene.lab.gateway) == scene.inside_ports(42000, host=field.other)
    hang_up(out, callee)


def test_a_hundred_thousand_half_open_streams(make_scene, record_property):
    """With the limits as they come. Each says it is SIP and never ends its first message."""
    scene = make_scene(transport="tcp", config={"log.level": "notice"})
    field = Field(scene)
    head = b"INVITE sip:victim@10.1.2.10 SIP/2.0\r\nX: " + b"x" * 400
    forger, target = field.forger(), (field.victim.ip4, 5060)
    before = scene.daemon.usage()[1]
    for number in range(100_000):
        here = (f"203.0.{113 + number // 60_000}.{100 + number % 50}", 1024 + number % 60_000)
        forger.tcp(here, target, 1000, 0, SYN)
        forger.tcp(here, target, 1001, 1, ACK | PSH, head)
    after = scene.daemon.usage()[1]
    connections = field.ctl.json("status")["connections"]
    record_property("measured", {"rss_kib": (before, after), "connections": connections})
    assert connections <= 16384, "limits.flows"
    assert after - before < 64 << 10, f"{before} KiB became {after} KiB"
    caller, callee = scene.agent(field.other), scene.agent(scene.lab.peer)
    out, _ = establish(caller, callee, sdp(field.other.ip4, audio(42000)), sdp(scene.lab.peer.ip4, audio(52000)))
    assert open_ports(scene.lab.gateway) == scene.inside_ports(42000, host=field.other)
    hang_up(out, callee)


CALL_IDS = int(os.environ.get("MESSENGER_CALL_IDS", "20000"))
BLOCK = 1000  # at most so many are under way, so that the daemon reads every one


def test_calls_without_number_take_no_memory_without_number(make_scene, record_property):
    """As many different Call-IDs as $MESSENGER_CALL_IDS says, with the limits as they come, from the victim and from
    outside hosts by turns. What a call costs is bounded by limits.calls; another host's call has its media all along.
    """
    scene = make_scene(config={"limits.messages_per_second": 0, "log.level": "notice"})
    field = Field(scene)
    field.call = HonestCall(field)
    source, forger = scene.keep(field.udp_socket(field.victim)), field.forger()
    ours = field.invite("CALLID", transport="UDP").text().encode()
    theirs = ours.replace(field.victim.ip4.encode(), b"203.0.113.66").replace(b"sip:attacker@203.0.113.66", b"sip:victim")

    def messages():
        return field.ctl.json("status")["counters"]["messages"]

    field.remember()
    resident = [scene.daemon.usage()[1]]
    for block in range(0, CALL_IDS, BLOCK):
        expected = messages() + BLOCK
        for number in range(block, block + BLOCK):
            call_id = b"%d" % number
            if block // BLOCK % 2:
                outside = (f"203.0.113.{100 + number % 100}", 5060)
                forger.udp(outside, (field.victim.ip4, 5060), theirs.replace(b"CALLID", call_id))
            else:
                source.sendto(ours.replace(b"CALLID", call_id), (field.attacker.ip4, 5060))
        wait_until(lambda: messages() >= expected, 20, "the block", step=0.01)
        if block * 10 % CALL_IDS < 10 * BLOCK:
            resident.append(scene.daemon.usage()[1])
            field.call.assert_unharmed()
    status = field.ctl.json("status")
    refusals = field.grown(refused("too_many_calls"))
    record_property("measured", {"rss_kib": resident, "calls": status["calls"], "refused": refusals})
    assert status["calls"] <= 20_000, "limits.calls"
    assert refusals + status["calls"] >= CALL_IDS, "each is a call or is refused"
    # From the first tenth on it has what it will ever have.
    assert max(resident) - resident[0] < 64 << 10 and max(resident[2:]) - resident[2] < 8 << 10, resident
    field.call.end()
    establish_and_end(scene, field)


def establish_and_end(scene, field):
    caller, callee = scene.agent(field.other), scene.agent(scene.lab.peer)
    out, _ = establish(caller, callee, sdp(field.other.ip4, audio(42000)), sdp(scene.lab.peer.ip4, audio(52000)))
    assert open_ports(scene.lab.gateway) == scene.inside_ports(42000, host=field.other)
    hang_up(out, callee)
    scene.wait_closed()
