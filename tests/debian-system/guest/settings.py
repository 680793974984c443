# SPDX-License-Identifier: GPL-2.0-or-later
"""What the manuals tell an operator to set: NAT, who may ask the daemon, where its numbers go. Each as they say it."""

import contextlib
import os
import re
from pathlib import Path

from lab import sdpview
from lab.media import Flow, Port
from lab.namespaces import wait_until
from lab.scene import Call, audio, sdp
from lab.topology import GATEWAY_OUTSIDE
from machine import CONFIG, SystemScene, journal, unit_property, with_drop_in, without_drop_in, write_operators_firewall

OUTSIDE = GATEWAY_OUTSIDE[0]
PROBE = 10
SLOW = 20  # seconds; the processor is emulated, and a restart may be in between


@contextlib.contextmanager
def configured(story, **changes):
    """"section.key" -> value as the file has it, until the end of the block; the daemon is restarted for it, as for any of these."""
    before = CONFIG.read_text()
    text = before
    for key, value in changes.items():
        section, name = key.split("__")
        text, found = re.subn(rf"(^\[{section}\]$.*?)^#{name} = [^\n]*$", rf"\g<1>{name} = {value}", text, count=1,
                              flags=re.MULTILINE | re.DOTALL)
        assert found, f"{section}.{name} is not in {CONFIG}"
    CONFIG.write_text(text)
    story.run(f"grep -vE '^#|^$' {CONFIG}")
    story.check("systemctl restart", story.run("systemctl restart messenger-alg")[0] == 0, journal())
    try:
        yield
    finally:
        CONFIG.write_text(before)
        story.run("systemctl restart messenger-alg", show=False)


class NatMedia:
    """What the peer sends to the outside port, and whether the inside host gets it."""

    def __init__(self, scene, inside_port, outside_port, peer_port):
        inside, peer = scene.lab.inside, scene.lab.peer
        self._tap = scene.tap(inside)
        self._inside = scene.keep(Port(inside, inside.ip4, inside_port))
        self._peer = scene.keep(Port(peer, peer.ip4, peer_port))
        self._inbound = Flow(self._peer, (OUTSIDE, outside_port))

    def passes(self):
        before = self._arrived()
        self._inbound.send(PROBE, 0.005)
        count = self._arrived() - before
        assert count == PROBE, f"{count} of {PROBE} packets reached the inside host"

    def _arrived(self):
        return len(self._tap.arrived(self._peer.address, self._inside.address))


def request_and_answer(call, callee, method, body="", answer=""):
    """A request within a call over its connection. Returns it as the peer saw it."""
    call.request(method, body)
    arrived = callee.receive(method, SLOW)
    callee.reply(arrived, 200, answer, tag="p1")
    response = call.agent.receive((200, method), SLOW)
    if method == "INVITE":
        call.ack(response)
        callee.receive("ACK", SLOW)
    return arrived


def behind_nat(story, lab, state):
    """Behind NAT: a TCP connection whose messages were edited goes on over a restart, and what comes meanwhile waits"""
    write_operators_firewall(nat=True)
    story.run("systemctl reload nftables", show=False)
    # The gap between the two daemons is made long enough to have a message in it.
    with_drop_in("[Service]\nExecStartPre=/bin/sleep 3\n")
    try:
        with configured(story, nat__interfaces='["outside"]'), SystemScene(lab, transport="tcp") as scene:
            caller, callee = scene.agent(lab.inside), scene.agent(lab.peer)
            call = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
            invite = request_and_answer(call, callee, "INVITE", sdp(lab.inside.ip4, audio(5350)), sdp(lab.peer.ip4, audio(40000)))
            story.check("the peer sees the gateway's address", sdpview.address(invite.body) == OUTSIDE, invite.body)
            media = NatMedia(scene, 5350, sdpview.ports(invite.body)[0], 40000)
            story.holds("media reaches the inside host", media.passes)
            story.run("messenger-algctl calls")

            story.run("systemctl restart --no-block messenger-alg")
            wait_until(lambda: unit_property("SubState") == "start-pre", 10, "the gap", 0.1)
            story.check("one queue socket is in systemd's keeping", unit_property("NFileDescriptorStore") == "1")
            again = request_and_answer(call, callee, "INVITE", sdp(lab.inside.ip4, audio(5350)), sdp(lab.peer.ip4, audio(40000)))
            story.check("what was said in the gap is edited, too", sdpview.address(again.body) == OUTSIDE, again.body)
            story.check("the new daemon took the connection over", "took over 1 edited TCP connections" in journal())
            story.holds("media goes on", media.passes)
            story.holds("the BYE passes over the same connection", request_and_answer, call, callee, "BYE")
            story.holds("and closes", scene.wait_closed)
    finally:
        without_drop_in()
        write_operators_firewall()
        story.run("systemctl reload nftables", show=False)


def members_of_the_group(story, lab, state):
    """Members of a group may ask the daemon; others may not"""
    story.run("useradd --no-create-home --groups messenger-alg alice")
    try:
        with configured(story, control__group='"messenger-alg"'):
            status, said = story.run("runuser -u alice -- messenger-algctl status | head -n 3")
            story.check("a member is answered", status == 0 and "calls" in said)
            status, said = story.run("runuser -u nobody -- messenger-algctl status")
            story.check("nobody else is", status == 3 and said.strip())
        with_group = story.run("stat -c '%A %U %G' /run/messenger-alg/control.sock")[1]
        story.check("without the setting, only root is", with_group.startswith("srw-------"), with_group)
        story.check("a member is refused", story.run("runuser -u alice -- messenger-algctl status")[0] == 3)
    finally:
        story.run("userdel alice", show=False)


def numbers_in_a_file(story, lab, state):
    """The numbers are written to a file, which others can read"""
    file = Path("/run/messenger-alg/metrics.prom")
    with configured(story, metrics__textfile=f'"{file}"', metrics__interval='"1s"'), SystemScene(lab) as scene:
        call, callee, _ = scene.call(40016, 50016)
        wait_until(lambda: "messenger_alg_calls 1\n" in file.read_text(), SLOW, "the numbers of the call", 0.5)
        status, said = story.run(f"runuser -u nobody -- grep -A1 '^# TYPE messenger_alg_[cp]' {file}")
        story.check("anybody can read them", status == 0 and "messenger_alg_calls 1" in said)
        story.check("it is replaced, not overwritten", os.stat(file).st_nlink == 1 and os.stat(file).st_mode & 0o777 == 0o644)
        request_and_answer(call, callee, "BYE")
        story.holds("closed after the BYE", scene.wait_closed)
    # Somewhere else than the unit lets it write: it says so instead of running without.
    before = CONFIG.read_text()
    CONFIG.write_text(before.replace('#textfile = ""', 'textfile = "/var/lib/elsewhere.prom"'))
    story.check("a file where the unit forbids it is refused", story.run("systemctl restart messenger-alg")[0] != 0)
    story.check("the journal names it", "/var/lib/elsewhere.prom" in journal())
    story.run("journalctl -u messenger-alg --no-pager -o cat -n 3")
    CONFIG.write_text(before)
    story.run("systemctl reset-failed messenger-alg; systemctl restart messenger-alg", show=False)
    story.check("and runs again without it", unit_property("ActiveState") == "active")


CHAPTERS = (behind_nat, members_of_the_group, numbers_in_a_file)
