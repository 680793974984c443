# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of running calls when the daemon dies, is restarted, or somebody removes its table."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from lab.gateways import EVERY_GATEWAY, IPV4_GATEWAYS
from lab.media import Running
from lab.namespaces import wait_until
from lab.pinholes import open_ports, pinholes, table_exists
from lab.scene import Call, audio, establish, hang_up, sdp

BACK_WITHIN = 1.0


def start(scene):
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(40000, 50000)
    media.assert_inbound_blocked()
    call, back = establish(caller, callee, sdp(caller.address[0], audio(40000)), sdp(callee.address[0], audio(50000)))
    media.assert_passes()
    return call, back, media


def renew_connection(call, back):
    """An edited connection does not outlive a crash: both ends are told, and the caller connects anew."""
    with pytest.raises(ConnectionError):
        for _ in range(10):
            call.request("OPTIONS")
            time.sleep(0.05)
    for side in (call, back):
        side.agent.forget_connections()
    call.to = call.agent.connect(back.agent.address)


@EVERY_GATEWAY
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_media_survives_kill_9_and_a_bye_after_the_restart_closes(make_scene, gateway, transport):
    scene = make_scene(**gateway, transport=transport)
    call, back, media = start(scene)
    with Running([media.inbound, media.outbound]) as running:
        scene.daemon.kill()
        running.wait_sent(50)
    arrived = media.counts()
    media.assert_passes()
    assert open_ports(scene.lab.gateway) == scene.inside_ports(40000)

    scene.daemon.start()
    assert open_ports(scene.lab.gateway) == scene.inside_ports(40000), "the restart lost pinholes"
    media.assert_passes()
    if scene.nat and transport == "tcp":
        renew_connection(call, back)
    hang_up(call, back.agent)
    scene.wait_closed()
    media.assert_inbound_blocked()
    assert arrived[0] >= 50 and arrived[1] >= 50


@IPV4_GATEWAYS
def test_no_packet_is_lost_while_the_daemon_is_killed_and_started(make_scene, gateway):
    scene = make_scene(**gateway)
    _, _, media = start(scene)
    before = media.counts()
    sent = media.inbound.sent, media.outbound.sent
    with Running([media.inbound, media.outbound]) as running:
        running.wait_sent(10)
        scene.daemon.kill()
        running.wait_sent(20)
        scene.daemon.start()
        running.wait_sent(20)
    after = media.counts()
    assert after[0] - before[0] == media.inbound.sent - sent[0]
    assert after[1] - before[1] == media.outbound.sent - sent[1]


@IPV4_GATEWAYS
def test_an_orderly_stop_keeps_running_calls(make_scene, gateway):
    scene = make_scene(**gateway)
    call, back, media = start(scene)
    scene.daemon.stop()
    media.assert_passes()
    scene.daemon.start()
    media.assert_passes()
    hang_up(call, back.agent)
    media.assert_inbound_blocked()


def table_of(scene):
    """Its number, which is another one for a table made anew."""
    tables = json.loads(scene.lab.gateway.run("nft", "-j", "list", "tables"))["nftables"]
    (ours,) = [one["table"] for one in tables if one.get("table", {}).get("name") == "messenger_alg"]
    return ours["handle"]


@pytest.mark.parametrize("how", ["stop", "kill"])
@IPV4_GATEWAYS
def test_the_next_daemon_goes_on_with_the_table(make_scene, gateway, how):
    """A new one would cost the packets that wait in the queues, and send every flow through them again."""
    scene = make_scene(**gateway)
    call, back, media = start(scene)
    before, holes = table_of(scene), pinholes(scene.lab.gateway)
    getattr(scene.daemon, how)()
    # What somebody has put in, and what has ended meanwhile, goes; what is missing comes back.
    foreign = f"{{ 203.0.113.99 . {holes[0].inside} . udp . 4000 timeout 1h }}"
    scene.lab.gateway.run("nft", f"add element inet messenger_alg pinholes4 {foreign}")
    scene.lab.gateway.run("nft", "flush", "set", "inet", "messenger_alg", "sip_ports")
    scene.daemon.start()
    assert table_of(scene) == before, "the same table"
    assert {(one.remote, one.port) for one in pinholes(scene.lab.gateway)} == {(one.remote, one.port) for one in holes}
    assert "is as it has to be, and stays" in scene.daemon.log
    media.assert_passes()
    establish_and_end_another(scene, call.agent if how == "stop" else None)
    if how == "stop":
        hang_up(call, back.agent)
        media.assert_inbound_blocked()


@pytest.mark.parametrize("how", ["stop", "kill"])
@IPV4_GATEWAYS
def test_two_calls_at_one_port_end_one_by_one_after_a_restart(make_scene, gateway, how):
    """As of a phone with two lines and one port, and a server that mixes for both."""
    scene = make_scene(**gateway)
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(40000, 50000)
    calls = [establish(caller, callee, sdp(caller.address[0], audio(40000)), sdp(callee.address[0], audio(port)), tag=tag)
             for port, tag in ((50002, "u1"), (50000, "u2"))]
    media.assert_passes()
    getattr(scene.daemon, how)()
    scene.daemon.start()
    (first, back), (second, back_too) = calls
    hang_up(first, back.agent)
    media.assert_passes()
    hang_up(second, back_too.agent)
    scene.wait_closed()
    media.assert_inbound_blocked()


def establish_and_end_another(scene, caller):
    """SIP is read again."""
    caller = caller or scene.agent(scene.lab.inside2)
    callee = scene.agent(scene.lab.third)
    out, _ = establish(caller, callee, sdp(caller.address[0], audio(44000)), sdp(callee.address[0], audio(54000)), tag="u9")
    scene.media(44000, 54000, inside=caller.host, outside=scene.lab.third).assert_passes()
    hang_up(out, callee)


def test_other_settings_make_another_table(make_scene):
    scene = make_scene()
    call, back, media = start(scene)
    before = table_of(scene)
    scene.daemon.stop()
    scene.daemon.configure({"timeouts.stream_silence": "77m"})
    scene.daemon.start()
    assert table_of(scene) != before
    media.assert_passes()
    hang_up(call, back.agent)
    media.assert_inbound_blocked()


NOT_LISTED = "they are not listed"


@EVERY_GATEWAY
def test_after_an_orderly_stop_the_sets_are_not_listed(make_scene, gateway):
    """And the calls are there all the same, what has been closed stays so, and a BYE closes the others."""
    scene = make_scene(**gateway)
    call, back, media = start(scene)
    scene.daemon.stop()
    file = Path(scene.lab.directory) / "control.sets"
    assert len(file.read_bytes()) > 100
    scene.daemon.start()
    assert NOT_LISTED in scene.daemon.log
    assert file.read_bytes() == b"", "it would be taken for the state after a crash"
    assert open_ports(scene.lab.gateway) == scene.inside_ports(40000)
    media.assert_passes()
    scene.daemon.stop()
    scene.daemon.start()
    assert scene.daemon.log.count(NOT_LISTED) == 2, "what was taken over can be left again"
    hang_up(call, back.agent)
    scene.wait_closed()
    media.assert_inbound_blocked()


@pytest.mark.parametrize("change", ["flush", "other-table", "damage", "kill"])
def test_what_others_have_changed_meanwhile_is_listed(make_scene, change):
    scene = make_scene()
    call, back, media = start(scene)
    if change == "kill":
        scene.daemon.kill()
    else:
        scene.daemon.stop()
    file = Path(scene.lab.directory) / "control.sets"
    assert (file.read_bytes() == b"") == (change == "kill")
    if change == "flush":
        scene.lab.gateway.nft("flush set inet messenger_alg pinholes4")
    if change == "other-table":
        scene.lab.gateway.nft("add table inet somebody")
        scene.lab.gateway.nft("delete table inet somebody")
    if change == "damage":
        file.write_bytes(file.read_bytes()[:-3])
    scene.daemon.start()
    assert NOT_LISTED not in scene.daemon.log
    if change == "flush":
        assert open_ports(scene.lab.gateway) == [], "it does not say of what is gone that it is there"
        media.assert_inbound_blocked()
    else:
        media.assert_passes()
    hang_up(call, back.agent)
    scene.wait_closed()


def test_what_others_change_at_the_last_moment_is_not_left_as_it_was(make_scene):
    """The daemon has not read yet that they have."""
    scene = make_scene()
    call, back, media = start(scene)
    os.kill(scene.daemon.pid, signal.SIGSTOP)
    scene.lab.gateway.nft("flush set inet messenger_alg pinholes4")
    os.kill(scene.daemon.pid, signal.SIGTERM)
    os.kill(scene.daemon.pid, signal.SIGCONT)
    scene.daemon.stop()
    scene.daemon.start()
    if NOT_LISTED in scene.daemon.log:  # it has put them back before it stopped
        media.assert_passes()
    else:
        assert open_ports(scene.lab.gateway) == []
    hang_up(call, back.agent)
    scene.wait_closed()


def remove_the_table(scene, how):
    if how == "reload":
        scene.firewall.reload()
    else:
        scene.firewall.delete_daemon_table()


@pytest.mark.alone
@pytest.mark.parametrize("how", ["reload", "delete"])
@IPV4_GATEWAYS
def test_a_removed_table_is_put_back_with_the_pinholes(make_scene, gateway, how):
    scene = make_scene(**gateway)
    call, back, media = start(scene)
    expected = scene.inside_ports(40000)
    remotes = {hole.remote for hole in pinholes(scene.lab.gateway)}
    with Running([media.inbound, media.outbound]) as running:
        running.wait_sent(10)
        removed = time.monotonic()
        remove_the_table(scene, how)
        wait_until(lambda: open_ports(scene.lab.gateway) == expected, BACK_WITHIN, "the table with its pinholes")
        assert time.monotonic() - removed < BACK_WITHIN
        running.wait_sent(10)
    assert {hole.remote for hole in pinholes(scene.lab.gateway)} == remotes
    media.assert_passes()
    hang_up(call, back.agent)
    scene.wait_closed()
    media.assert_inbound_blocked()


@pytest.mark.alone
@pytest.mark.parametrize("how", ["reload", "delete"])
@IPV4_GATEWAYS
def test_a_call_after_the_table_was_put_back(make_scene, gateway, how):
    scene = make_scene(**gateway)
    remove_the_table(scene, how)
    wait_until(lambda: table_exists(scene.lab.gateway), BACK_WITHIN, "the table")
    call, back, media = start(scene)
    hang_up(call, back.agent)
    media.assert_inbound_blocked()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@IPV4_GATEWAYS
def test_signalling_passes_and_opens_nothing_while_the_daemon_is_dead(make_scene, gateway, transport):
    scene = make_scene(**gateway, transport=transport)
    scene.daemon.kill()
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(40000, 50000)
    call, back = establish(caller, callee, sdp(caller.address[0], audio(40000)), sdp(callee.address[0], audio(50000)))
    media.assert_inbound_blocked()
    hang_up(call, back.agent)


@IPV4_GATEWAYS
def test_a_tcp_connection_made_before_the_daemon_opens_nothing(make_scene, gateway):
    """Its first bytes were never seen, so nobody knows that it is SIP; its messages pass all the same."""
    scene = make_scene(**gateway, transport="tcp")
    scene.daemon.stop()
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    media = scene.media(40000, 50000)
    call = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    call.request("OPTIONS")
    callee.reply(callee.receive("OPTIONS"), 200, tag="u1")
    caller.receive(200)
    scene.daemon.start()
    call.request("INVITE", sdp(caller.address[0], audio(40000)))
    callee.reply(callee.receive("INVITE"), 200, sdp(callee.address[0], audio(50000)), tag="u1")
    caller.receive(200)
    media.assert_inbound_blocked()
