# SPDX-License-Identifier: GPL-2.0-or-later
"""What the operator sees of NAT: bindings, ports, and what was changed in the messages."""

import json
import re

from lab.ctl import Ctl
from lab.nat import OUTSIDE, call_out, register
from lab.scene import hang_up


def test_a_binding_is_shown_with_its_call_and_lingers_after_it(make_scene):
    scene = make_scene(nat=True)
    ctl = Ctl(scene)
    assert ctl.run("bindings") == "No bindings, no call-backs.\n"
    caller, callee, out, invite = call_out(scene)
    (rtp,) = [one for one in ctl.json("bindings")["bindings"] if one["inside"] == "10.1.2.10:5350"]
    assert (rtp["proto"], rtp["outside"], rtp["interface"]) == ("udp", f"{OUTSIDE}:5350", "outside")
    assert (rtp["purposes"], rtp["lingering"], rtp["contact"]) == (["audio rtp"], False, False)
    assert len(rtp["call_ids"]) == 1 and rtp["age_seconds"] < 10
    text = ctl.run("bindings")
    assert f"udp 10.1.2.10:5350 is {OUTSIDE}:5350 at outside: audio rtp, for 0:0" in text
    assert f"    call {rtp['call_ids'][0]}\n" in text
    during = ctl.json("status")["nat"]
    hang_up(out, callee)
    (rtp,) = [one for one in ctl.json("bindings")["bindings"] if one["inside"] == "10.1.2.10:5350"]
    assert rtp["lingering"] and not rtp["call_ids"] and 100 < rtp["free_in_seconds"] <= 180
    assert f"10.1.2.10:5350 is {OUTSIDE}:5350 at outside: LINGERS, free again in 1" in ctl.run("bindings")
    after = ctl.json("status")["nat"]
    (before_port,), (after_port,) = during["interfaces"], after["interfaces"]
    assert (before_port["name"], before_port["address"], before_port["advertised"]) == ("outside", OUTSIDE, OUTSIDE)
    assert after_port["udp"]["used"] == before_port["udp"]["used"] - 2
    assert after_port["udp"]["lingering"] == before_port["udp"]["lingering"] + 2
    assert after["exhausted"] == after["guard_reset"] == after["not_translated"] == 0
    assert ctl.json("bindings", "--limit", "1")["left_out"] > 0


def test_a_registrar_that_may_call_back_is_shown(make_scene):
    scene = make_scene(nat=True, transport="tcp")
    client = scene.agent(scene.lab.inside, 5062, "tcp")
    server = scene.agent(scene.lab.server, transport="tcp")
    register(client, server)
    answer = Ctl(scene).json("bindings")
    (contact,) = [one for one in answer["bindings"] if one["contact"]]
    assert contact["inside"] == "10.1.2.10:5062" and contact["listens_seconds"] > 500
    (callback,) = answer["callbacks"]
    assert (callback["inside"], callback["remote"]) == ("10.1.2.10:5062", scene.lab.server.ip4)
    assert callback["outside"] == contact["outside"]
    assert f"{scene.lab.server.ip4} may call" in Ctl(scene).run("bindings")


def test_edits_are_counted_and_told(make_scene):
    scene = make_scene(nat=True, transport="tcp")
    ctl = Ctl(scene)
    *_, invite = call_out(scene, "tcp")
    nat = ctl.json("status")["nat"]
    assert nat["edited_messages"] >= 2 and nat["edited_bytes"] > 20 and nat["edited_connections"] == 1
    assert nat["unedited_messages"] == nat["held"] == 0
    told = ctl.run("explain", invite.get("Call-ID"))
    assert re.search(r"NAT: leaves the gateway with \d+ changes:", told)
    assert "- c=IN IP4 10.1.2.10" in told and f"+ c=IN IP4 {OUTSIDE}" in told
    events = map(json.loads, ctl.run("explain", invite.get("Call-ID"), "--json").splitlines())
    edits = [one for one in events if one["event"] == "edit"]
    assert edits and f"+c=IN IP4 {OUTSIDE}" in edits[0]["lines"] and edits[0]["call_id"] == invite.get("Call-ID")
    assert "changes (NAT)" in ctl.run("events")
    assert "messenger_alg_edited_messages_total 0" not in ctl.run("metrics")
    text = ctl.run("metrics")
    assert f'outside_ports{{interface="outside",address="{OUTSIDE}",transport="udp",state="used"}} 2' in text
