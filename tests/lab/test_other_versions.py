# SPDX-License-Identifier: GPL-2.0-or-later
"""What a daemon of another version may have left behind: a table of another shape, a file that it cannot read. A start takes what
it understands, and is otherwise as good as the first one."""

import time
from pathlib import Path

import pytest

from lab.pinholes import open_ports
from lab.scene import Call, audio, establish, hang_up, sdp

OTHER_TABLES = {
    "sets with other keys": """
        set pinholes4 { type ipv4_addr . inet_service; flags timeout; elements = { 10.1.2.10 . 40000 timeout 1m comment "audio rtp" } }
        set pinholes6 { type ipv6_addr; flags timeout; elements = { 2001:db8:1::10 timeout 1m } }
        set open4 { type inet_service; elements = { 40000 } }
        map snat4 { type ipv4_addr : inet_service; flags timeout; elements = { 10.1.2.10 : 40000 } }
        set callbacks4 { type mark; elements = { 0x17 } }""",
    "longer keys": """
        set pinholes4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service . mark; flags timeout
            elements = { 203.0.113.30 . 10.1.2.10 . udp . 40000 . 0x1 timeout 1m comment "audio rtp call 12 dialog 34 id a@b" } }""",
    "maps in place of sets": """
        map pinholes4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service : mark; flags timeout
            elements = { 203.0.113.30 . 10.1.2.10 . udp . 40000 timeout 1m comment "audio rtp" : 0x1 } }
        map open6 { type ipv6_addr . inet_proto . inet_service : verdict; elements = { 2001:db8:1::10 . udp . 40000 : accept } }""",
    "comments of another kind": """
        set pinholes4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags timeout
            elements = { 203.0.113.30 . 10.1.2.10 . udp . 40000 timeout 1m comment "v9 holography rtp",
                         203.0.113.30 . 10.1.2.10 . udp . 40001 timeout 1m } }""",
    "chains alone": """
        chain media { type filter hook forward priority filter - 10; policy accept; counter; }
        chain signalling { type filter hook forward priority -300; policy accept; }""",
}


def works(scene):
    """A call, whose media passes from its answer to its BYE."""
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(41000, 51000)
    media.assert_inbound_blocked()
    out, back = establish(caller, callee, sdp(caller.address[0], audio(41000)), sdp(callee.address[0], audio(51000)))
    media.assert_passes()
    hang_up(out, back.agent)
    scene.wait_closed()
    media.assert_inbound_blocked()


@pytest.mark.parametrize("nat", [False, True], ids=["routed", "nat"])
@pytest.mark.parametrize("left", OTHER_TABLES, ids=lambda name: name.replace(" ", "-"))
def test_a_table_of_another_version(make_scene, left, nat):
    scene = make_scene(nat=nat)
    gateway = scene.lab.gateway
    scene.daemon.stop()
    table = f"delete table inet messenger_alg\ntable inet messenger_alg {{{OTHER_TABLES[left]}\n}}\n"
    gateway.run("nft", "-f", "-", stdin=table)
    scene.daemon.start()
    assert open_ports(gateway) == [], "nothing that was not understood stays open"
    if not nat:
        works(scene)


def edited_call(scene):
    """A call over TCP whose messages are edited: (the caller's side, the called agent)."""
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    out = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    out.request("INVITE", sdp(caller.address[0], audio(5350)))
    invite = callee.receive("INVITE")
    callee.reply(invite, 200, sdp(callee.address[0], audio(40000)), tag="p1")
    out.ack(caller.receive(200))
    callee.receive("ACK")
    return out, callee


CHANGES = {
    "of an older version": lambda state: b"\0" + state[1:],
    "of a newer version": lambda state: bytes([state[0] + 1]) + state[1:],
    "cut off": lambda state: state[:-7],
    "garbage": lambda state: b"\xff" * len(state),
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda name: name.replace(" ", "-"))
def test_a_connection_file_that_cannot_be_read(make_scene, change):
    """Nobody knows how the connection's numbers differ on both sides, so it is reset, and the clients connect anew."""
    scene = make_scene(nat=True, transport="tcp")
    out, callee = edited_call(scene)
    scene.daemon.stop()
    file = Path(scene.lab.directory) / "control.connections"
    state = file.read_bytes()
    assert len(state) > 20
    file.write_bytes(CHANGES[change](state))
    scene.daemon.start()
    assert "took over 0 edited TCP connections" in scene.daemon.log
    assert file.read_bytes() == b"", "it would be taken for the state after a crash"
    with pytest.raises((ConnectionError, AssertionError)):
        out.request("OPTIONS")
        time.sleep(0.2)
        out.request("OPTIONS")
        callee.receive("OPTIONS", 1)
    out.agent.forget_connections()
    callee.forget_connections()
    out.to = out.agent.connect(callee.address)
    hang_up(out, callee)
    scene.wait_closed()
