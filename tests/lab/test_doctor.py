# SPDX-License-Identifier: GPL-2.0-or-later
"""What `messenger-algctl doctor` says of a gateway, beside what really passes it: a call through the same rules."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from lab import firewalls
from lab.ctl import Ctl
from lab.daemon import find_program
from lab.firewall import PASSAGE_MARK, PASSAGE_MASK
from lab.scene import Media, audio, establish, sdp

GOOD, FAILED, USAGE, TROUBLE, UNKNOWN = 0, 1, 2, 4, 5


class Gateway:
    """A lab without the usual firewall: each test brings its own."""

    def __init__(self, scene):
        self.scene = scene
        self.lab = scene.lab
        self.lab.gateway.run("nft", "flush", "ruleset")
        scene.firewall.assert_untouched = lambda: None  # there is another in its place

    def start(self):
        self.scene.start_daemon()
        return self

    def check(self, command, *options):
        """(exit status, report, or what it complains of). Asks for the hosts of the lab: IPv4 and what has a way out."""
        program = str(find_program("ctl/messenger-algctl"))
        config = f"{self.lab.directory}/messenger-alg.toml"
        places = {"--outside-interface": "outside"}
        if not {"--inside", "--server", "--peer"} & set(options):
            places.update({"--inside": "10.1.2.77", "--server": self.lab.server.ip4, "--peer": self.lab.peer.ip4})
        usual = [word for option, value in places.items() if option not in options for word in (option, value)]
        argv = [program, command, "--json", "--config", config, *usual, *options]
        before = self.snapshot()
        process = self.lab.gateway.popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        output, errors = process.communicate(timeout=60)
        assert self.snapshot() == before, "the live network was changed"
        if process.returncode == USAGE:
            assert not output, output
            return USAGE, errors
        assert not errors, errors
        return process.returncode, json.loads(output)

    def doctor(self, *options):
        status, report = self.check("doctor", *options)
        return status, {one["name"]: one for one in report["findings"] if one["severity"] != "note"}

    def snapshot(self):
        """What a check must leave as it is."""
        rules = self.lab.gateway.run("nft", "-s", "list", "ruleset")
        return rules, self.lab.gateway.run("ip", "-br", "address"), self.lab.gateway.run("ip", "route")

    def call(self):
        """What really passes: (the call is made, media comes in, media goes out)."""
        caller, callee = self.scene.agent(self.lab.inside), self.scene.agent(self.lab.peer)
        offer, answer = sdp(caller.address[0], audio(40000)), sdp(callee.address[0], audio(50000))
        try:
            establish(caller, callee, offer, answer)
        except (AssertionError, TimeoutError):
            return False, False, False
        media = Media(self.scene, self.lab.inside, self.lab.peer, 40000, 50000)
        try:
            inbound = media.probe(media.inbound, media.inbound_arrived) == 10
            return True, inbound, media.probe(media.outbound, media.outbound_arrived) == 10
        finally:
            media.close()

    def run(self, line):
        """A line that doctor advises."""
        self.lab.gateway.run("sh", "-c", line)


@pytest.fixture
def gateway(make_scene):
    return Gateway(make_scene(daemon=False))


def rules_of(finding):
    return [line for line in finding["to_do"] if not line.startswith("#")]


def test_a_plain_nftables_firewall_passes(gateway):
    firewalls.load_nft(gateway.lab.gateway, firewalls.NFTABLES % f"{firewalls.ESTABLISHED}\n{firewalls.FROM_INSIDE}")
    status, findings = gateway.start().doctor()
    assert (status, findings) == (GOOD, {})
    assert gateway.call() == (True, True, True)


@pytest.mark.parametrize("command", ["doctor", "selftest"])
def test_a_trial_that_would_blame_the_rules_for_the_command_line_is_not_made(gateway, command):
    gateway.start()
    for options, complaint in (
        (["--inside", "10.9.9.9"], "--inside 10.9.9.9 is in no network of network.inside"),
        (["--inside", "foo"], '--inside: "foo" is no address'),
        (["--server", "10.1.2.30"], "--server 10.1.2.30 is an inside host"),
        (["--peer", "192.0.2.201"], "--peer 192.0.2.201 is this gateway's own address, of outside"),
        (["--peer", "224.0.1.75"], "--peer 224.0.1.75 is a multicast address"),
        (["--server", "192.0.2.0"], "--server 192.0.2.0 is the address of the network"),
        (["--daemon", "/nonexistent"], "--daemon /nonexistent: there is no such file"),
        (["--daemon", "/tmp"], "--daemon /tmp: this is no program"),
        (["--inside-interface", "nope"], "--inside-interface nope: this host has no such interface"),
    ):
        status, complaints = gateway.check(command, *options)
        assert status == USAGE and complaints.startswith(f"messenger-algctl: {complaint}"), complaints


def test_without_established_the_answers_are_stopped_and_the_line_helps(gateway):
    firewalls.load_nft(gateway.lab.gateway, firewalls.NFTABLES % firewalls.FROM_INSIDE)
    status, findings = gateway.start().doctor()
    assert status == TROUBLE and set(findings) == {"answers_blocked"}
    assert "the policy of chain forward of table inet filter stops it" in findings["answers_blocked"]["what"]
    assert gateway.call() == (False, False, False)
    gateway.run(rules_of(findings["answers_blocked"])[0])
    assert gateway.doctor() == (GOOD, {})
    assert gateway.call() == (True, True, True)


def test_without_a_rule_for_sip_it_is_stopped_and_the_line_helps(gateway):
    firewalls.load_nft(gateway.lab.gateway, firewalls.NFTABLES % f"{firewalls.ESTABLISHED}\nudp dport 5060 counter drop")
    status, findings = gateway.start().doctor()
    assert status == TROUBLE and set(findings) == {"signalling_blocked"}
    assert '"udp dport 5060 counter packets 0 bytes 0 drop"' in findings["signalling_blocked"]["what"]
    assert gateway.call() == (False, False, False)
    gateway.run(rules_of(findings["signalling_blocked"])[0])
    assert gateway.doctor() == (GOOD, {})
    assert gateway.call() == (True, True, True)


def test_a_rule_that_drops_udp_drops_media(gateway):
    rules = f"udp dport 1024-65535 udp dport != 5060 drop\n{firewalls.ESTABLISHED}\n{firewalls.FROM_INSIDE}"
    firewalls.load_nft(gateway.lab.gateway, firewalls.NFTABLES % rules)
    status, findings = gateway.start().doctor()
    assert status == TROUBLE and set(findings) == {"media_in_blocked", "media_out_blocked"}
    assert gateway.call() == (True, False, False)


def test_an_open_firewall_is_said_to_be_open(gateway):
    status, findings = gateway.start().doctor()
    assert status == TROUBLE and set(findings) == {"open_firewall"} and findings["open_firewall"]["severity"] == "warning"
    assert gateway.call() == (True, True, True)


NOTRACK = {
    "nft": "table inet raw {\nchain prerouting {\ntype filter hook prerouting priority raw; udp dport 1024-65535 notrack\n}\n}\n",
    "iptables": "*raw\n-A PREROUTING -p udp -m udp --dport 1024:65535 -j CT --notrack\nCOMMIT\n",
}


@pytest.mark.parametrize("maker", NOTRACK)
def test_what_is_not_tracked_is_named_and_the_lines_help(make_scene, maker):
    gateway = Gateway(make_scene(daemon=False, config={"passage.mark": PASSAGE_MARK, "passage.mark_mask": PASSAGE_MASK}))
    firewalls.load_nft(gateway.lab.gateway, firewalls.NFTABLES % f"{firewalls.ESTABLISHED}\n{firewalls.FROM_INSIDE}")
    load = firewalls.load_nft if maker == "nft" else firewalls.load_iptables
    load(gateway.lab.gateway, NOTRACK[maker])
    status, findings = gateway.start().doctor()
    assert status == TROUBLE and set(findings) == {"answers_blocked", "media_in_blocked"}
    for finding in findings.values():
        assert re.search(r"conntrack.*dport 1024-65535.*in chain \w+ of table (inet|ip) raw", finding["what"], re.I), finding
        assert not [line for line in finding["to_do"] if "established" in line], finding
    assert gateway.call() == (False, False, False)
    answers, media = (rules_of(findings[name]) for name in ("answers_blocked", "media_in_blocked"))
    for line in answers[:2]:
        gateway.run(line)
    assert gateway.call() == (True, False, True)
    gateway.run(media[0])
    assert media[1:] == ["[passage]", 'mode = "mark"', "systemctl restart messenger-alg"]
    gateway.scene.set_config({"passage.mode": "mark"})
    gateway.scene.daemon.stop()
    _, findings = gateway.start().doctor()
    assert not set(findings) & {"answers_blocked", "media_in_blocked"}
    assert gateway.call() == (True, True, True)


def test_what_another_program_decides_is_unknown(gateway):
    """The development kernel's nft has no queue statement: iptables makes the rule."""
    text = firewalls.IPTABLES % f"-A FORWARD -p udp -m udp --dport 5060 -j NFQUEUE --queue-num 77\n{firewalls.IPTABLES_ESTABLISHED}"
    firewalls.load_iptables(gateway.lab.gateway, text)
    status, findings = gateway.start().doctor()
    assert findings["signalling_blocked"]["severity"] == "unknown"
    assert "cannot tell" in findings["signalling_blocked"]["what"] and status == UNKNOWN


@pytest.mark.parametrize("good", [True, False], ids=["established", "without-established"])
def test_iptables(gateway, good):
    firewalls.load_iptables(gateway.lab.gateway, firewalls.IPTABLES % (firewalls.IPTABLES_ESTABLISHED if good else ""))
    status, findings = gateway.start().doctor()
    if not good:
        assert status == TROUBLE and set(findings) == {"answers_blocked"}
        assert gateway.call() == (False, False, False)
        assert "chain FORWARD of table ip filter" in findings["answers_blocked"]["what"]
        gateway.run(rules_of(findings["answers_blocked"])[0])
        status, findings = gateway.doctor()
    assert (status, findings) == (GOOD, {})
    assert gateway.call() == (True, True, True)


def test_docker(gateway):
    firewalls.load_iptables(gateway.lab.gateway, firewalls.DOCKER)
    status, findings = gateway.start().doctor()
    assert status == TROUBLE and set(findings) == {"signalling_blocked"}
    assert gateway.call() == (False, False, False)
    gateway.run(rules_of(findings["signalling_blocked"])[0])
    assert "DOCKER-USER" in rules_of(findings["signalling_blocked"])[0]
    status, findings = gateway.doctor()
    assert status == TROUBLE and set(findings) == {"answers_blocked"}
    gateway.run(rules_of(findings["answers_blocked"])[0])
    assert gateway.doctor() == (GOOD, {})
    assert gateway.call() == (True, True, True)


def test_fw4(gateway):
    firewalls.load_nft(gateway.lab.gateway, firewalls.FW4)
    assert gateway.start().doctor() == (GOOD, {})
    assert gateway.call() == (True, True, True)


def test_ufw(gateway):
    ufw = firewalls.Ufw(gateway.lab)
    status, findings = gateway.start().doctor()
    assert status == TROUBLE and set(findings) == {"signalling_blocked"}
    assert gateway.call() == (False, False, False)
    advice = rules_of(findings["signalling_blocked"])[0].split()
    assert advice[:3] == ["ufw", "route", "allow"]
    ufw(*advice[1:])
    assert gateway.doctor() == (GOOD, {})
    assert gateway.call() == (True, True, True)


def test_firewalld(gateway):
    firewalld = gateway.scene.keep(firewalls.Firewalld(gateway.lab))
    status, findings = gateway.start().doctor()
    assert status == TROUBLE and set(findings) == {"signalling_blocked"}
    assert gateway.call() == (False, False, False)
    assert "firewall-cmd --permanent --new-policy calls" in rules_of(findings["signalling_blocked"])
    for arguments in (
        ["--new-policy", "calls"],
        ["--policy", "calls", "--add-ingress-zone", "internal"],
        ["--policy", "calls", "--add-egress-zone", "external"],
        ["--policy", "calls", "--set-target", "ACCEPT"],
    ):
        firewalld.cmd("--permanent", *arguments)
    firewalld.cmd("--reload")
    assert gateway.doctor() == (GOOD, {})
    assert gateway.call() == (True, True, True)


def test_marked_media_needs_the_rule_for_the_mark(make_scene):
    scene = make_scene(daemon=False, config={"passage.mode": "mark"})
    gateway = Gateway(scene)
    firewalls.load_nft(scene.lab.gateway, firewalls.NFTABLES % f"{firewalls.ESTABLISHED}\n{firewalls.FROM_INSIDE}")
    status, findings = gateway.start().doctor()
    assert status == TROUBLE and {"media_in_blocked", "callback_blocked"} >= set(findings) >= {"media_in_blocked"}
    assert gateway.call()[:2] == (True, False)
    gateway.run(rules_of(findings["media_in_blocked"])[0])
    _, findings = gateway.doctor()
    assert "media_in_blocked" not in findings
    assert gateway.call() == (True, True, True)


MASQUERADE = """\
table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "outside" masquerade
    }
}
"""


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize("masquerade", [True, False])
def test_masquerade_and_nat_belong_together(make_scene, masquerade, configured):
    scene = make_scene(daemon=False, config={"nat.interfaces": ["outside"]} if configured else None)
    gateway = Gateway(scene)
    rules = firewalls.NFTABLES % f"{firewalls.ESTABLISHED}\n{firewalls.FROM_INSIDE}"
    firewalls.load_nft(scene.lab.gateway, rules + (MASQUERADE if masquerade else ""))
    _, findings = gateway.start().doctor()
    expected = {(True, False): "nat_not_configured", (False, True): "nat_without_masquerade"}.get((masquerade, configured))
    assert ({expected} if expected else set()) == set(findings) & {"nat_not_configured", "nat_without_masquerade"}
    if masquerade == configured:
        assert not findings


def test_the_host_itself(gateway):
    """No forwarding, no daemon: each is named, with what to do."""
    firewalls.load_nft(gateway.lab.gateway, firewalls.NFTABLES % f"{firewalls.ESTABLISHED}\n{firewalls.FROM_INSIDE}")
    gateway.start()
    gateway.scene.daemon.stop()
    gateway.lab.gateway.sysctl("net.ipv4.ip_forward=0")
    status, findings = gateway.doctor()
    assert status == TROUBLE
    assert findings["no_forwarding"]["to_do"][0] == "sysctl -w net.ipv4.ip_forward=1"
    assert findings["not_running"]["severity"] == "failure"
    assert gateway.check("selftest")[0] == TROUBLE


def test_ipv6_that_does_not_leave_the_inside_need_not_be_forwarded(gateway):
    firewalls.load_nft(gateway.lab.gateway, firewalls.NFTABLES % f"{firewalls.ESTABLISHED}\n{firewalls.FROM_INSIDE}")
    gateway.start()
    for setting in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        gateway.lab.gateway.sysctl(f"{setting}=0")
    _, report = gateway.check("doctor")
    v4, v6 = (one for one in report["findings"] if one["name"] == "no_forwarding")
    assert "IPv4" in v4["what"] and v4["severity"] == "failure"
    assert "IPv6" in v6["what"] and v6["severity"] == "note"
    assert v4["to_do"][1].split(" > ")[1] != v6["to_do"][1].split(" > ")[1], "one file would lose the other's line"
    gateway.lab.gateway.run("ip", "-6", "route", "add", "default", "dev", "outside")
    _, report = gateway.check("doctor")
    assert [one["severity"] for one in report["findings"] if one["name"] == "no_forwarding"] == ["failure", "failure"]


def test_a_daemon_that_differs_from_its_configuration(gateway):
    firewalls.load_nft(gateway.lab.gateway, firewalls.NFTABLES % f"{firewalls.ESTABLISHED}\n{firewalls.FROM_INSIDE}")
    gateway.start()
    Ctl(gateway.scene).run("observe", "on")
    status, findings = gateway.doctor()
    assert status == TROUBLE and findings["observing"]["to_do"] == ["messenger-algctl observe off"]
    Ctl(gateway.scene).run("observe", "off")
    with open(f"{gateway.lab.directory}/messenger-alg.toml", "a", encoding="utf-8") as file:
        file.write('[nat]\ninterfaces = ["outside"]\n')
    _, findings = gateway.doctor()
    assert "is not as this configuration makes it" in findings["table_differs"]["what"]


def test_ports_that_only_a_restart_reads(gateway):
    firewalls.load_nft(gateway.lab.gateway, firewalls.NFTABLES % f"{firewalls.ESTABLISHED}\n{firewalls.FROM_INSIDE}")
    gateway.start()
    file = Path(gateway.lab.directory) / "messenger-alg.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("ports = [5060]", "ports = [5062, 5070]"), encoding="utf-8")
    Ctl(gateway.scene).run("reload")
    status, findings = gateway.doctor()
    assert status == TROUBLE and findings["other_sip_ports"]["severity"] == "warning"
    what = findings["other_sip_ports"]["what"]
    assert "not read: tcp . 5062, tcp . 5070, udp . 5062, udp . 5070; read, though not in the file: tcp . 5060, udp . 5060" in what
    file.write_text(text, encoding="utf-8")
    assert gateway.doctor() == (GOOD, {})
