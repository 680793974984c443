# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel, the disk, the clock and other processes fail the daemon: signalling passes, pinholes stay as they are or
closed.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lab.ctl import Ctl
from lab.gateways import IPV4_GATEWAYS
from lab.media import Running
from lab.namespaces import wait_until
from lab.nfqueue import BIND, PF_UNBIND, UNBIND, Rival, text_of
from lab.pinholes import open_ports, pinholes, table_exists
from lab.scene import Call, audio, call_peer, establish, hang_up, sdp

TABLE = ("inet", "messenger_alg")
SET_SIZE = 262144  # of every set of the table
BACK_WITHIN = 1.0


def is_open(scene, port):
    """Asked for one element: a full set is no thing to list."""
    key = f"{{ {scene.lab.peer.ip4} . {scene.lab.inside.ip4} . udp . {port} }}"
    with scene.lab.gateway.entered():
        asked = subprocess.run(["nft", "get", "element", *TABLE, "pinholes4", key], capture_output=True, check=False)
    return asked.returncode == 0


def fill_set(scene, count):
    keys = (f"203.0.{i >> 8 & 255}.{i & 255} . 10.9.{i >> 16}.1 . udp . 4000 timeout 1h" for i in range(count))
    scene.lab.gateway.run("nft", "-f", "-", stdin=f"add element inet messenger_alg pinholes4 {{ {','.join(keys)} }}\n")


@pytest.mark.alone
def test_a_set_that_others_have_filled(make_scene):
    """The operator is told, and the table is put back without what is not ours: so the next call gets what it needs."""
    scene = make_scene()
    first, first_back = call_peer(scene)
    agents = first.agent, first_back.agent
    media = scene.media(40000, 50000)
    fill_set(scene, SET_SIZE - 2)  # the daemon's own two are in it: it is exactly full
    wait_until(lambda: "somebody has put elements into its sets" in scene.daemon.log, 10, "a word about it")
    second, second_back = call_peer(scene, 42000, "u2", agents)
    wait_until(lambda: is_open(scene, 42000), 2, "the pinholes of the call")
    media.assert_inbound_passes()
    scene.media(42000, 52000).assert_inbound_passes()
    listing = scene.lab.gateway.run("nft", "list", "set", *TABLE, "pinholes4")
    assert "10.9.0.1" not in listing, "nothing leads where no call does"
    for out, back in ((second, second_back), (first, first_back)):
        hang_up(out, back.agent)
    scene.wait_closed()


CHAINS = ["signalling", "to_daemon", "media", "udp4", "inbound", "admit4", "first_packet"]


@pytest.mark.parametrize("chain", CHAINS)
def test_rules_that_others_remove_are_put_back(make_scene, chain):
    scene = make_scene()
    out, back = call_peer(scene)
    media = scene.media(40000, 50000)
    media.assert_passes()

    def rules():
        return scene.lab.gateway.run("nft", "-s", "list", "chain", *TABLE, chain)

    as_they_were = rules()
    scene.lab.gateway.run("nft", "flush", "chain", *TABLE, chain)
    wait_until(lambda: rules() == as_they_were, BACK_WITHIN, "the rules")
    assert "put back" in scene.daemon.log
    scene.wait_open(40000)
    media.assert_passes()
    hang_up(out, back.agent)
    media.assert_inbound_blocked()


@pytest.mark.parametrize("name", ["pinholes4", "sip_ports", "admitted4"])
@IPV4_GATEWAYS
def test_a_set_that_others_flush_is_filled_again(make_scene, gateway, name):
    scene = make_scene(**gateway)
    out, back = call_peer(scene)
    media = scene.media(40000, 50000)
    media.assert_passes()
    scene.lab.gateway.run("nft", "flush", "set", *TABLE, name)
    time.sleep(BACK_WITHIN)
    assert {(hole.inside, hole.port) for hole in pinholes(scene.lab.gateway)} == set(scene.inside_ports(40000))
    assert all(out.call_id in hole.comment for hole in pinholes(scene.lab.gateway)), "what is open says whose it is"
    media.assert_passes()
    hang_up(out, back.agent)
    scene.wait_closed()
    media.assert_inbound_blocked()
    second, _ = call_peer(scene, 44000, "u2", (out.agent, back.agent))
    scene.wait_open(44000)


def test_a_big_set_that_others_flush_is_filled_again_in_the_same_table(make_scene):
    """More elements than the daemon keeps reports of. With a new table, packets that wait in the queues would be lost."""
    scene = make_scene()
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    for number in range(40):
        ports = range(20000 + 32 * number, 20032 + 32 * number, 2)
        offer, answer = (sdp(agent.address[0], *(audio(port + above) for port in ports))
                         for agent, above in ((caller, 0), (callee, 10000)))
        establish(caller, callee, offer, answer, tag=f"u{number}")
    scene.wait_open(*range(20000, 20000 + 32 * 40, 2))
    before = installs(scene)
    scene.lab.gateway.run("nft", "flush", "set", *TABLE, "pinholes4")
    scene.wait_open(*range(20000, 20000 + 32 * 40, 2))
    assert installs(scene) == before
    assert "put back" in scene.daemon.log
    scene.media(20000, 30000).assert_passes()


def installs(scene):
    return next(one["value"] for one in Ctl(scene).json("metrics")["metrics"]
                if one["name"] == "messenger_alg_table_installs_total")


@IPV4_GATEWAYS
def test_an_element_that_others_delete_is_put_back(make_scene, gateway):
    scene = make_scene(**gateway)
    out, back = call_peer(scene)
    media = scene.media(40000, 50000)
    key = f"{{ {scene.lab.peer.ip4} . {scene.lab.inside.ip4} . udp . 40000 }}"
    scene.lab.gateway.run("nft", "delete", "element", *TABLE, "pinholes4", key)
    wait_until(lambda: open_ports(scene.lab.gateway) == scene.inside_ports(40000), BACK_WITHIN, "the pinhole")
    media.assert_passes()
    hang_up(out, back.agent)
    scene.wait_closed()


def test_an_element_that_others_add_does_not_stay(make_scene):
    """Nothing of ours is open that no call needs; whoever wants another port open says so in rules of their own."""
    scene = make_scene()
    out, back = call_peer(scene)
    media = scene.media(40000, 50000)
    foreign = f"{{ {scene.lab.third.ip4} . {scene.lab.inside.ip4} . udp . 33333 timeout 1h }}"
    scene.lab.gateway.run("nft", "add", "element", *TABLE, "pinholes4", foreign)
    wait_until(lambda: open_ports(scene.lab.gateway) == scene.inside_ports(40000), BACK_WITHIN, "the foreign one's end")
    media.assert_passes()
    hang_up(out, back.agent)
    scene.wait_closed()


@IPV4_GATEWAYS
def test_an_element_without_its_name_gets_it_back(make_scene, gateway):
    """As a packet makes it that is under way when others flush the set."""
    scene = make_scene(**gateway)
    out, back = call_peer(scene)
    key = f"{scene.lab.peer.ip4} . {scene.lab.inside.ip4} . udp . 40000"
    anew = f"delete element inet messenger_alg pinholes4 {{ {key} }}\n"
    anew += f"add element inet messenger_alg pinholes4 {{ {key} timeout 60s }}\n"
    scene.lab.gateway.run("nft", "-f", "-", stdin=anew)

    def named():
        holes = pinholes(scene.lab.gateway)
        return len(holes) == 2 and all(out.call_id in hole.comment for hole in holes)

    wait_until(named, BACK_WITHIN, "the names")
    scene.media(40000, 50000).assert_passes()
    hang_up(out, back.agent)
    scene.wait_closed()


def test_a_table_that_goes_while_messages_wait(make_scene):
    """The kernel drops what is queued when a base chain goes; its sender repeats it, and nothing is left half done."""
    scene = make_scene()
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    out = Call.outgoing(caller, callee.uri, callee.address)
    out.request("INVITE", sdp(caller.address[0], audio(40000)))
    invite = callee.receive("INVITE")
    os.kill(scene.daemon.pid, signal.SIGSTOP)
    answer = callee.reply(invite, 200, sdp(callee.address[0], audio(50000)), tag="u1")
    time.sleep(0.1)
    scene.lab.gateway.run("nft", "delete", "table", *TABLE)
    os.kill(scene.daemon.pid, signal.SIGCONT)
    wait_until(lambda: table_exists(scene.lab.gateway), BACK_WITHIN, "the table")
    assert len(pinholes(scene.lab.gateway)) in (0, 2)
    callee.send(answer, invite.source)
    out.ack(caller.receive(200))
    callee.receive("ACK")
    scene.wait_open(40000)
    scene.media(40000, 50000).assert_passes()


def fill_conntrack(scene, count):
    """With entries that the kernel does not give up for others."""
    path = Path(scene.lab.directory, "entries")
    lines = []
    for number in range(count):
        host, port = f"10.{200 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", 1000 + (number >> 16)
        lines.append(f"-A -t 600 -u SEEN_REPLY,ASSURED -p udp -s {host} -d 10.8.0.1 --sport {port} --dport 9 "
                     f"--reply-src 10.8.0.1 --reply-dst {host} --reply-port-src 9 --reply-port-dst {port}\n")
    path.write_text("".join(lines))
    scene.lab.gateway.run("conntrack", "-R", str(path))


@pytest.mark.alone
def test_the_table_of_conntrack_is_full(make_scene):
    """Running calls go on. A new one gets its pinholes, though no entry could be made; with room again its media
    passes.
    """
    scene = make_scene()
    limit = int(scene.lab.gateway.run("cat", "/proc/sys/net/netfilter/nf_conntrack_max"))
    if limit > 300_000:
        pytest.skip(f"an nf_conntrack_max of {limit} takes too long to fill, and no namespace may change it")
    first, first_back = call_peer(scene)
    media = scene.media(40000, 50000)
    media.assert_passes()
    count = int(scene.lab.gateway.run("conntrack", "-C"))
    fill_conntrack(scene, limit - count)
    agents = first.agent, first_back.agent
    with Running([media.inbound, media.outbound]) as running:
        running.wait_sent(10)
        second, second_back = call_peer(scene, 42000, "u2", agents)
        running.wait_sent(10)
    assert media.counts()[0] >= 20
    scene.wait_open(40000, 42000)
    counters = Ctl(scene).json("status")["counters"]
    assert counters["not_seeded"] >= 1 and counters["failures"] == counters["fallbacks"] == 0
    assert "is the table of conntrack full?" in scene.daemon.log
    assert "takes changes again" not in scene.daemon.log, "the table lacks nothing"
    scene.lab.gateway.run("conntrack", "-D", "-d", "10.8.0.1")
    scene.media(42000, 52000).assert_passes()
    media.assert_passes()
    hang_up(second, second_back.agent)
    hang_up(first, first_back.agent)
    scene.wait_closed()


def test_another_process_cannot_take_the_queue_from_the_daemon(make_scene):
    scene = make_scene()
    rival = scene.keep(Rival(scene.lab.gateway))
    for queue in (200, 210):
        for command in (UNBIND, BIND):
            assert rival.ask(command, queue) != 0, f"{command} of queue {queue}: {text_of(0)}"
        rival.ask(PF_UNBIND, queue)  # the kernel says yes to it, and does nothing
    out, back = call_peer(scene)
    scene.wait_open(40000)
    hang_up(out, back.agent)
    scene.wait_closed()


def test_a_queue_that_somebody_else_has_is_said_at_the_start(make_scene):
    scene = make_scene()
    scene.daemon.kill()
    rival = scene.keep(Rival(scene.lab.gateway))
    assert rival.ask(BIND, 200) == 0
    with pytest.raises(AssertionError, match="ended with status 1"):
        scene.daemon.start()
    assert "NFQUEUE 200" in scene.daemon.log and "another process has it" in scene.daemon.log
    rival.close()
    scene.daemon.start()
    call_peer(scene)
    scene.wait_open(40000)


def test_notifications_that_are_lost(make_scene):
    """Others change so much while the daemon stands still that the kernel gives up telling it; among that, our table
    goes.
    """
    scene = make_scene()
    out, back = call_peer(scene)
    media = scene.media(40000, 50000)
    media.assert_passes()
    run = scene.lab.gateway.run
    os.kill(scene.daemon.pid, signal.SIGSTOP)
    run("nft", "add", "table", "inet", "noise")
    run("nft", "add", "set", "inet", "noise", "s", "{ type ipv4_addr; }")
    for block in range(75):
        elements = ",".join(f"10.{block}.{i >> 8}.{i & 255}" for i in range(2000))
        run("nft", "-f", "-", stdin=f"add element inet noise s {{ {elements} }}\n")
    run("nft", "delete", "table", *TABLE)
    run("nft", "delete", "table", "inet", "noise")
    os.kill(scene.daemon.pid, signal.SIGCONT)
    wait_until(lambda: open_ports(scene.lab.gateway) == scene.inside_ports(40000), 2, "the table with its pinholes")
    media.assert_passes()
    hang_up(out, back.agent)
    media.assert_inbound_blocked()


@pytest.mark.parametrize("days", [10, 0], ids=["ahead", "back"])
@IPV4_GATEWAYS
def test_the_clock_is_another_after_a_restart(make_scene, gateway, days):
    """As after a migration: the kernel's sets count their own time, so calls go on whatever the clock says."""
    scene = make_scene(**gateway)
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    # "back": as little as a namespace may show.
    ahead = ["unshare", "--time", "--monotonic", "864000", "--"]
    back_in_time = ["unshare", "--time", "--monotonic", str(1 - int(uptime)), "--"]
    scene.daemon.stop()
    scene.daemon.start(through=ahead if not days else ())
    out, back = call_peer(scene)
    media = scene.media(40000, 50000)
    media.assert_passes()
    with Running([media.inbound, media.outbound]) as running:
        scene.daemon.stop()
        scene.daemon.start(through=ahead if days else back_in_time)
        running.wait_sent(50)
    scene.wait_open(40000)
    media.assert_passes()
    hang_up(out, back.agent)
    scene.wait_closed()
    media.assert_inbound_blocked()


def test_time_that_passed_while_it_stood_still(make_scene):
    """Everything is overdue at once when the daemon goes on. What has media lives, what has none is closed."""
    scene = make_scene(config={"timeouts.media_silence": "5s", "timeouts.first_packet": "5s"})
    out, back = call_peer(scene)
    agents = out.agent, back.agent
    silent, silent_back = call_peer(scene, 42000, "u2", agents)
    media, rtcp = scene.media(40000, 50000), scene.media(40001, 50001)
    with Running([media.inbound, media.outbound, rtcp.inbound]) as running:
        running.wait_sent(10)
        os.kill(scene.daemon.pid, signal.SIGSTOP)
        running.wait_sent(350)
        os.kill(scene.daemon.pid, signal.SIGCONT)
        scene.wait_open(40000)
        arrived = media.counts()
        running.wait_sent(50)
        scene.wait_open(40000)
    sent = media.inbound.sent
    assert sent - media.counts()[0] == 0 and media.counts()[0] > arrived[0]
    hang_up(silent, silent_back.agent)
    hang_up(out, back.agent)
    scene.wait_closed()


@IPV4_GATEWAYS
def test_what_others_remove_is_not_taken_for_silent(make_scene, gateway):
    """They flush the set just before the daemon asks the kernel whose media has stopped."""
    scene = make_scene(**gateway, config={"timeouts.media_silence": "5s", "timeouts.first_packet": "5s"})
    out, back = call_peer(scene)
    media, rtcp = scene.media(40000, 50000), scene.media(40001, 50001)
    with Running([media.inbound, media.outbound, rtcp.inbound]) as running:
        running.wait_sent(10)
        os.kill(scene.daemon.pid, signal.SIGSTOP)
        running.wait_sent(350)
        scene.lab.gateway.run("nft", "flush", "set", *TABLE, "pinholes4")
        os.kill(scene.daemon.pid, signal.SIGCONT)
        wait_until(lambda: open_ports(scene.lab.gateway) == scene.inside_ports(40000), BACK_WITHIN, "the pinholes")
        running.wait_sent(100)
        assert open_ports(scene.lab.gateway) == scene.inside_ports(40000)
    hang_up(out, back.agent)
    scene.wait_closed()


def test_a_log_on_a_full_disk(make_scene):
    scene = make_scene(daemon=False)
    scene.start_daemon(through=["sh", "-c", 'exec "$@" 2>/dev/full', "sh"])
    out, back = call_peer(scene)
    scene.wait_open(40000)
    scene.media(40000, 50000).assert_passes()
    hang_up(out, back.agent)
    scene.wait_closed()
    assert Ctl(scene).json("status")["counters"]["failures"] == 0


def test_the_textfile_on_a_full_disk(make_scene):
    """Its last whole version stays; with room again there is a new one."""
    scene = make_scene(daemon=False)
    folder = f"{scene.lab.directory}/disk"
    os.mkdir(folder)
    mount = f'mount -t tmpfs -o size=64k tmpfs {folder} && exec "$@"'
    scene.set_config({"metrics.textfile": f"{folder}/m.prom", "metrics.interval": "1s"})
    scene.start_daemon(through=["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh"])

    def there(*command):
        enter = ["nsenter", f"--mount=/proc/{scene.daemon.pid}/ns/mnt"]
        return subprocess.run([*enter, *command], capture_output=True, text=True, check=False)

    def text():
        return there("cat", f"{folder}/m.prom").stdout

    wait_until(lambda: "messenger_alg_calls 0" in text(), 5, "the first version", step=0.2)
    assert there("dd", "if=/dev/zero", f"of={folder}/fill", "bs=1k").returncode != 0
    out, back = call_peer(scene)
    time.sleep(2.5)
    kept = text()
    assert "messenger_alg_calls 0" in kept and kept.endswith("\n") and "messenger_alg_control_refused_total" in kept
    scene.wait_open(40000)
    there("rm", f"{folder}/fill")
    wait_until(lambda: "messenger_alg_calls 1" in text(), 5, "a new version", step=0.2)
    hang_up(out, back.agent)


BROKEN = {
    "syntax": b"[network\n",
    "unknown key": b'[network]\ninside = ["10.1.2.0/24"]\nspeed = 5\n',
    "nothing": b"",
    "binary": bytes(range(256)) * 100,
    "out of range": b'[network]\ninside = ["10.1.2.0/24"]\n[limits]\nmedia = 100000\n',
}


@pytest.mark.parametrize("broken", [*BROKEN, "gone", "a folder"])
def test_a_broken_configuration_at_reload(make_scene, broken):
    scene = make_scene()
    out, back = call_peer(scene)
    config = Path(scene.lab.directory, "messenger-alg.toml")
    config.unlink()
    if broken == "a folder":
        config.mkdir()
    elif broken != "gone":
        config.write_bytes(BROKEN[broken])
    os.kill(scene.daemon.pid, signal.SIGHUP)
    wait_until(lambda: "not read again, the old configuration holds" in scene.daemon.log, 3, "a word about it")
    scene.media(40000, 50000).assert_passes()
    hang_up(out, back.agent)
    scene.wait_closed()
    call_peer(scene, 42000, "u2", (out.agent, back.agent))
    scene.wait_open(42000)
    assert Ctl(scene).try_run("reload").returncode == 1
