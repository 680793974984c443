# SPDX-License-Identifier: GPL-2.0-or-later
"""`messenger-algctl selftest`: a call through a copy of the live rules, step by step."""

import os
import signal
import subprocess

import pytest

from lab import firewalls
from lab.daemon import find_program
from lab.namespaces import wait_until
from test_doctor import GOOD, MASQUERADE, TROUBLE, Gateway

LEGS = [
    "unannounced", "signalling_out", "signalling_back", "media_in", "media_out", "rtcp_in", "rtcp_out", "bye", "closed",
    "register", "registered", "callback",
]


@pytest.fixture
def make_gateway(make_scene):
    def make(rules, config=None):
        scene = make_scene(daemon=False, config=config)
        gateway = Gateway(scene)
        firewalls.load_nft(scene.lab.gateway, rules)
        return gateway.start()

    return make


PLAIN = firewalls.NFTABLES % f"{firewalls.ESTABLISHED}\n{firewalls.FROM_INSIDE}"


@pytest.mark.parametrize("nat", [False, True])
def test_every_leg_is_reported(make_gateway, nat):
    gateway = make_gateway(PLAIN + (MASQUERADE if nat else ""), {"nat.interfaces": ["outside"]} if nat else None)
    status, report = gateway.check("selftest")
    (trial,) = report["trials"]
    assert [leg["name"] for leg in trial["legs"]] == LEGS + LEGS
    assert [leg["transport"] for leg in trial["legs"]] == ["udp"] * len(LEGS) + ["tcp"] * len(LEGS)
    assert {leg["outcome"] for leg in trial["legs"]} == {"good"}, trial
    assert (status, report["result"], trial["translated"]) == (GOOD, "good", nat)
    assert (trial["inside"], trial["inside_interface"]) == ("10.1.2.77", "inside")


def test_server_and_peer_may_be_one_host(make_gateway):
    """A PBX or SBC, that media goes through."""
    gateway = make_gateway(PLAIN)
    status, report = gateway.check("selftest", "--inside", "10.1.2.77", "--server", "203.0.113.30", "--peer", "203.0.113.30")
    (trial,) = report["trials"]
    assert {leg["outcome"] for leg in trial["legs"]} == {"good"}, trial
    assert (status, trial["server"], trial["peer"]) == (GOOD, "203.0.113.30", "203.0.113.30")


def test_the_leg_that_fails_names_the_rule(make_gateway):
    gateway = make_gateway(firewalls.NFTABLES % f'udp sport 50000 counter drop comment "no games"\n{firewalls.ESTABLISHED}\n{firewalls.FROM_INSIDE}')
    status, report = gateway.check("selftest")
    legs = {(leg["transport"], leg["name"]): leg for leg in report["trials"][0]["legs"]}
    assert status == TROUBLE
    assert legs["udp", "media_in"]["outcome"] == "bad"
    assert 'drop comment "no games"' in legs["udp", "media_in"]["stopped_by"]
    assert legs["udp", "media_out"]["outcome"] == legs["udp", "rtcp_in"]["outcome"] == "good"
    assert report["trials"][0]["daemon_log"]


def test_what_was_not_tried_keeps_its_name(make_gateway):
    gateway = make_gateway(firewalls.NFTABLES % firewalls.FROM_INSIDE)
    status, report = gateway.check("selftest")
    legs = {(leg["transport"], leg["name"]): leg for leg in report["trials"][0]["legs"]}
    assert status == TROUBLE and len(legs) == 2 * len(LEGS)
    assert {leg["text"] for leg in legs.values() if leg["outcome"] == "not_tried"} >= {"BYE and its answer", "RTCP from the peer to the inside host"}
    assert len({leg["text"] for leg in legs.values()}) == len(LEGS)
    argv = [find_program("ctl/messenger-algctl"), "selftest", "--config", f"{gateway.lab.directory}/messenger-alg.toml"]
    process = gateway.lab.gateway.popen([*argv, "--outside-interface", "outside"], stdout=subprocess.PIPE, text=True)
    output, _ = process.communicate(timeout=60)
    assert "  -     udp  BYE and its answer: not tried, for what it builds on failed\n" in output


@pytest.mark.parametrize("end", ["INT", "TERM", "HUP"])
@pytest.mark.parametrize("command", ["selftest", "doctor"])
def test_whoever_ends_it_early_finds_nothing_left(make_gateway, command, end, tmp_path):
    gateway = make_gateway(PLAIN)
    argv = [find_program("ctl/messenger-algctl"), command, "--config", f"{gateway.lab.directory}/messenger-alg.toml"]
    process = gateway.lab.gateway.popen(
        [*argv, "--outside-interface", "outside"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"TMPDIR": str(tmp_path), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, start_new_session=True,
    )
    wait_until(lambda: list(tmp_path.glob("messenger-alg-trial-*/log")), 10, "the trial")
    number = getattr(signal, f"SIG{end}")
    os.killpg(process.pid, number)
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (-number, "", "")
    assert not list(tmp_path.iterdir())


def test_ipv6_is_tried_as_well(make_gateway):
    gateway = make_gateway(PLAIN)
    status, report = gateway.check("selftest", "--inside", "2001:db8:1::77")
    (trial,) = report["trials"]
    assert (trial["family"], status) == ("IPv6", GOOD), trial


def test_people_are_told_in_words(make_gateway):
    gateway = make_gateway(PLAIN)
    argv = [find_program("ctl/messenger-algctl"), "selftest", "--config", f"{gateway.lab.directory}/messenger-alg.toml"]
    process = gateway.lab.gateway.popen([*argv, "--outside-interface", "outside"], stdout=subprocess.PIPE, text=True)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == GOOD and output.endswith("Everything is as it should be.\n")
    assert output.count("IPv4 from ") == output.count("IPv6 from ") == 1
    assert "  ok    udp  RTP from the peer to the inside host, sent first\n" in output
