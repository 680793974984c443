# SPDX-License-Identifier: GPL-2.0-or-later
"""Far more SIP than the daemon can read, from one host and from many: the signalling of others passes, nothing opens
that should not, and as soon as it is over all is as before.

The daemon gets little of the machine's time here, so that a few senders are more than five times what it reads.
"""

import statistics
import time

import pytest

from lab.attacks.field import Field, HonestCall, counted, openings
from lab.flood import Flood
from lab.pinholes import pinholes
from lab.scene import Call, audio, establish, hang_up, sdp

SECONDS = 3
TIMES = 5
PINGS_BEFORE = 50
RECOVERED = 1.0
POOR = ["taskset", "--cpu-list", "0", "nice", "-n", "19"]  # beside a sender


class Pings:
    """OPTIONS from an inside host to its peer, repeated until they arrive, as SIP over UDP does."""

    def __init__(self, caller, callee):
        self._caller, self._callee = caller, callee
        self._call = Call.outgoing(caller, callee.uri, callee.address)
        self.sent = self.lost = 0

    def one(self, patience=5.0, may_fail=False):
        """Seconds until it has arrived; so much patience if it has not, and may."""
        message = self._call.make("OPTIONS")
        begun = time.monotonic()
        while time.monotonic() < begun + patience:
            self._caller.send(message, self._call.to)
            self.sent += 1
            try:
                self._callee.receive("OPTIONS", 0.5)
                return time.monotonic() - begun
            except AssertionError:
                self.lost += 1
        assert may_fail, f"the signalling of another host did not get through in {patience} s"
        return patience


def flood_of(field, many):
    """One inside host sends INVITEs to an outside host, or many addresses outside send them to it."""
    if not many:
        template = field.invite("flood-NUMBER", transport="UDP").text()
        return field.scene.keep(Flood(field.victim, (field.attacker.ip4, 5060), template))
    template = field.invite("flood-NUMBER", transport="UDP").text().replace(field.victim.ip4, "SOURCE")
    # Inside addresses, all of them: each is a host with calls of its own to whoever reads it.
    sources = [f"10.1.2.{number}" for number in range(50, 250)]
    return field.scene.keep(Flood(field.victim, (field.attacker.ip4, 5060), template, sources))


@pytest.mark.alone
@pytest.mark.parametrize("gateway,many,on_overload", [
    ("routed", False, "accept"), ("routed", True, "accept"), ("nat", False, "accept"), ("nat", True, "accept"),
    ("routed", True, "drop"),  # which is the kernel's affair, and the same for all
])
def test_overload(make_scene, record_property, gateway, many, on_overload):
    config = {"log.level": "notice", "queue.on_overload": on_overload, "queue.length": 1024,
              "limits.messages_per_second": 0}
    scene = make_scene(daemon=False, nat=gateway == "nat", config=config)
    scene.start_daemon(through=POOR)
    field = Field(scene)
    sink = scene.keep(field.udp_socket(field.attacker))
    assert sink
    call = field.call = HonestCall(field)
    pings = Pings(call.caller, call.callee)
    usual = statistics.median(pings.one() for _ in range(PINGS_BEFORE))
    flood = flood_of(field, many)
    field.remember()
    read_before = field.numbers()[counted("packets_total")]
    flood.begin()
    end, during = time.monotonic() + SECONDS, []
    while time.monotonic() < end:
        # With "drop" the operator has chosen that what nobody reads does not pass.
        during.append(pings.one(0.5, may_fail=True) if on_overload == "drop" else pings.one())
        time.sleep(0.02)
        assert openings(scene.lab.gateway) == field.expected, "something opened in the flood"
    sent, took = flood.end()
    over = time.monotonic()
    # As soon as what is queued has been read.
    while pings.one(RECOVERED, may_fail=True) > max(0.02, 5 * usual):
        assert time.monotonic() - over < RECOVERED, f"still slow {RECOVERED} s after the end"
    recovered = time.monotonic() - over
    after = field.numbers()
    read = after[counted("packets_total")] - read_before
    never_read = after[counted("queue_unread_packets_total")]
    measured = {
        "offered_per_second": round(sent / took), "read_per_second": round(read / took), "pings": len(during),
        "pings_lost": pings.lost, "ping_usual_ms": round(usual * 1e3, 2), "ping_worst_ms": round(max(during) * 1e3, 1),
        "recovered_after_s": round(recovered, 3), "never_read": never_read,
    }
    record_property("measured", measured)
    print(measured)
    if on_overload == "accept":
        assert pings.lost <= len(during) * 0.05, f"fail-open lost signalling: {measured}"
    field.assert_repelled(None)
    call.assert_unharmed()
    the_next_call_opens(scene, call)
    call.end()
    assert "refused (" not in scene.daemon.log, "what one host has asked for was in the way of others"
    assert sent >= TIMES * read, f"not much of an overload: {measured}"
    # Not every datagram comes as far as the queue: the wires themselves lose some of so many.
    assert never_read >= 0.5 * (sent - read), measured
    status = field.ctl.json("status")
    assert status["unread_packets"] >= never_read
    if on_overload == "drop":
        assert any(queue["dropped_full"] or queue["dropped_buffer"] for queue in status["queues"]), status["queues"]


def the_next_call_opens(scene, call):
    offer, answer = sdp(call.caller.address[0], audio(46000)), sdp(call.callee.address[0], audio(56000))
    out, _ = establish(call.caller, call.callee, offer, answer, tag="next")
    assert {hole.port for hole in pinholes(scene.lab.gateway)} >= {46000, 46001}
    hang_up(out, call.callee)
