# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket of the running daemon, and messenger-algctl's looks at it."""

import json
import os
import socket
import subprocess

import pytest

from lab.ctl import Ctl
from lab.scene import audio, establish, hang_up, sdp

NOBODY = 65534


def call(scene, inside_port=40000, outside_port=50000):
    caller, callee = scene.agent(scene.lab.inside), scene.agent(scene.lab.peer)
    offer, answer = sdp(caller.address[0], audio(inside_port)), sdp(callee.address[0], audio(outside_port))
    out, back = establish(caller, callee, offer, answer)
    return out, back


def raw_request(path, data):
    """Sends bytes to the socket; what comes back until the daemon closes or has nothing more to say."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect(path)
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while part := client.recv(65536):
            answer += part
        return answer


def test_status_counts_calls_and_pinholes(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    before = ctl.json("status")
    assert (before["calls"], before["pinholes"]) == (0, 0)
    assert before["version"] and before["passage"] == "admit"
    assert [queue["waiting"] for queue in before["queues"]] == [0, 0]
    out, back = call(scene)
    during = ctl.json("status")
    assert (during["calls"], during["pinholes"]) == (1, 2)
    assert during["counters"]["transactions"] == before["counters"]["transactions"] + 1
    assert during["counters"]["failures"] == 0
    assert "calls        1\n" in ctl.run("status")
    hang_up(out, back.agent)
    after = ctl.json("status")
    assert (after["calls"], after["pinholes"]) == (0, 0)


def test_pinholes_show_what_went_through(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    assert ctl.run("pinholes") == "Nothing is open.\n"
    call(scene)
    media = scene.media(40000, 50000)
    media.assert_passes()
    answer = ctl.json("pinholes")
    rtp, rtcp = answer["pinholes"]
    assert (rtp["inside"], rtp["remote"], rtp["role"], rtp["in_kernel"]) == ("10.1.2.10:40000", "203.0.113.30", "rtp", True)
    assert (rtp["in"]["packets"], rtp["out"]["packets"]) == (10, 10)
    assert (rtcp["inside"], rtcp["in"]["packets"]) == ("10.1.2.10:40001", 0)
    assert len(ctl.json("pinholes", "--limit", "1")["pinholes"]) == 1
    assert ctl.json("pinholes", "--limit", "1")["left_out"] == 1
    assert "udp 10.1.2.10:40000 from 203.0.113.30: audio rtp" in ctl.run("pinholes")


def test_reload_says_what_is_wrong_and_leaves_the_old_configuration(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    assert "was read" in ctl.run("reload")
    config = scene.lab.directory + "/messenger-alg.toml"
    with open(config, "a", encoding="utf-8") as file:
        file.write("[sip\n")
    done = ctl.try_run("reload")
    assert done.returncode == 1 and "messenger-alg.toml:" in done.stderr
    assert ctl.json("status")["calls"] == 0


def test_reload_with_an_inside_interface_ends_what_routes_say_of_its_hosts(make_scene):
    """network.inside_interfaces is what the log advises where packets of inside hosts are taken for forged."""
    scene = make_scene()
    ctl = Ctl(scene)
    inside, gateway, server = scene.lab.inside, scene.lab.gateway, scene.lab.server
    gateway.sysctl(*(f"net.ipv4.conf.{name}.rp_filter=0" for name in ("all", "inside")))
    gateway.run("ip", "route", "add", f"{inside.ip4}/32", "dev", "outside")
    options = f"OPTIONS sip:a@x SIP/2.0\r\nVia: SIP/2.0/UDP {inside.ip4};branch=z9hG4bKa\r\n"
    options += "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: q\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"

    def refused():
        """How many of a packet that has passed: 0 or 1."""
        with inside.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, server.socket(
            socket.AF_INET, socket.SOCK_DGRAM
        ) as listener:
            client.bind((inside.ip4, 5060))
            listener.bind((server.ip4, 5060))
            listener.settimeout(3)
            before = scene.daemon.log.count("it is forged")
            client.sendto(options.encode(), (server.ip4, 5060))
            listener.recv(4096)
            ctl.json("status")
            return scene.daemon.log.count("it is forged") - before

    assert refused() == 1
    scene.daemon.configure({"network.inside_interfaces": ["inside"]})
    ctl.run("reload")
    assert refused() == 0


def test_reload_names_the_keys_that_wait_for_a_restart(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    assert ctl.json("reload")["restart_needed"] == []
    scene.daemon.configure({"sip.ports": [5060, 5070], "network.protected_ports": [8080], "policy.observe": True})
    assert ctl.json("reload")["restart_needed"] == ["sip.ports", "policy.observe"]
    text = ctl.run("reload")
    assert "sip.ports: restart needed\n" in text and "protected_ports" not in text
    assert "sip.ports has another value" in scene.daemon.log
    assert ctl.json("status")["restart_needed"] == ["sip.ports", "policy.observe"]
    assert "ATTENTION    sip.ports has another value" in ctl.run("status")
    ctl.run("observe", "on")
    assert ctl.json("reload")["restart_needed"] == ["sip.ports"]
    scene.daemon.stop()
    scene.daemon.start()
    assert ctl.json("status")["restart_needed"] == []


def test_garbage_is_answered_or_ignored_and_the_daemon_goes_on(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    garbage = [b"\0" * 1000, b"{" * 70000, b"[" * 60000 + b"\n", b"GET / HTTP/1.1\r\n\r\n", os.urandom(200_000)]
    garbage += [b'{"version": 2, "command": "status"}\n', b'{"version": 1, "command": "no such"}\n']
    garbage += [b'{"version": 1, "command": "pinholes", "arguments": {"limit": -1}}\n']
    for data in garbage:
        try:
            for line in raw_request(ctl.socket, data).splitlines():
                assert json.loads(line)["ok"] is False
        except (BrokenPipeError, ConnectionResetError):
            pass  # it closed before it had read everything
    assert ctl.json("status")["calls"] == 0


def test_a_user_without_rights_is_refused(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    os.chmod(scene.lab.directory, 0o755)
    done = ctl.try_run("status", user=NOBODY, group=NOBODY, extra_groups=[])
    assert done.returncode == 3 and "only root" in done.stderr
    # Even where the file's mode lets everybody connect.
    os.chmod(ctl.socket, 0o666)
    done = ctl.try_run("status", user=NOBODY, group=NOBODY, extra_groups=[])
    assert (done.returncode, done.stdout) == (3, "") and "only root" in done.stderr
    assert ctl.json("status")["calls"] == 0


def test_a_second_daemon_finds_the_first_one_and_leaves_its_table_alone(make_scene):
    scene = make_scene()
    call(scene)
    table = scene.lab.gateway.run("nft", "list", "set", "inet", "messenger_alg", "pinholes4")
    assert "40000" in table
    second = scene.lab.gateway.popen(
        [scene.daemon.program, "--config", f"{scene.lab.directory}/messenger-alg.toml"], stderr=subprocess.PIPE, text=True
    )
    _, complaint = second.communicate(timeout=10)
    assert second.returncode == 1 and "running already" in complaint
    scene.wait_open(40000)


def test_a_socket_that_another_user_has_left_is_told_of(make_scene):
    scene = make_scene()
    scene.daemon.stop()
    with pytest.raises(AssertionError) as failure:
        scene.daemon.start(user=NOBODY)
    socket_path = Ctl(scene).socket
    assert f"{socket_path} is of user 0" in str(failure.value) and f"rm {socket_path}" in str(failure.value)
    assert "somebody answers" not in str(failure.value)
    os.unlink(socket_path)
    scene.daemon.start(user=NOBODY)


def test_the_table_is_not_removed_while_a_daemon_would_put_it_back(make_scene):
    scene = make_scene()
    command = [str(scene.daemon.program), "--remove-table", "--config", f"{scene.lab.directory}/messenger-alg.toml"]

    def remove():
        process = scene.lab.gateway.popen(command, stderr=subprocess.PIPE, text=True)
        return process.communicate(timeout=10)[1], process.returncode

    complaint, status = remove()
    assert status == 1 and f"a daemon answers at {Ctl(scene).socket}" in complaint
    assert "messenger_alg" in scene.lab.gateway.run("nft", "list", "tables")
    scene.daemon.stop()
    assert remove() == ("", 0)
    assert "messenger_alg" not in scene.lab.gateway.run("nft", "list", "tables")


def test_without_a_daemon_the_exit_status_says_so(make_scene):
    scene = make_scene()
    ctl = Ctl(scene)
    scene.daemon.stop()
    done = ctl.try_run("status")
    assert done.returncode == 3 and "is messenger-algd running?" in done.stderr
