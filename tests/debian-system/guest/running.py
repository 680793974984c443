# SPDX-License-Identifier: GPL-2.0-or-later
"""The service while it runs: the kernel's own queue statement, its sandbox, calls, and what calls survive."""

import os
import re
import signal
import time
from pathlib import Path

from lab.media import Running
from lab.namespaces import wait_until
from lab.pinholes import open_ports, pinholes
from lab.scene import Call, audio, establish, hang_up, sdp
from machine import (CONFIG, UNIT, SystemScene, journal, process_status, unit_property, warden_status, with_drop_in,
                     without_drop_in)

HERE = Path(__file__).resolve().parent
TABLE = "nft list table inet messenger_alg"
EXPOSURE = 1.5
IDLE_KILOBYTES = 12 * 1024
CAP_NET_ADMIN = 1 << 12


def native_queue(story, lab, state):
    """The kernel's own queue statement and its conntrack glue are used"""
    log = journal()
    story.note("\n".join(line for line in log.splitlines() if "kernel:" in line or "NFQUEUE:" in line))
    story.check("the log says: native queue", "native queue: yes" in log)
    story.check("packets come with their conntrack entry", "conntrack with packets yes" in log)
    _, table = story.run(f"{TABLE} | grep -B1 -A1 queue")
    story.check("nft reads the rules back as queue statements", "flags bypass to 200" in table and "flags bypass to 210" in table)
    story.check("no rule of xtables is used", "xt target" not in story.run(TABLE, show=False)[1])
    story.run("lsmod | awk '{print $1}' | grep -E '^(nf_|nft_|nfnetlink|xt_)' | sort | tr '\\n' ' '")


def sandbox(story, lab, state):
    """The process is as confined as the unit says, and small"""
    _, said = story.run(f"systemd-analyze security --no-pager {UNIT} | tail -n 1")
    score = re.search(r"level for \S+: ([0-9.]+)", said)
    story.check(f"exposure {score.group(1) if score else '?'}, at most {EXPOSURE}", score and float(score.group(1)) <= EXPOSURE)
    status = process_status()
    story.check("it runs as messenger-alg", story.run(f"ps -o user= -p {unit_property('MainPID')}")[1].startswith("messeng"))
    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        story.check(f"{name} of the daemon is empty", int(status[name], 16) == 0, status[name])
    warden = warden_status()
    for name in ("CapEff", "CapPrm"):
        story.check(f"{name} of its warden is CAP_NET_ADMIN alone", int(warden[name], 16) == CAP_NET_ADMIN, warden[name])
    for who, of in (("daemon", status), ("warden", warden)):
        story.check(f"{who}: no new privileges, and a filter of system calls", of["NoNewPrivs"] == "1" and of["Seccomp"] == "2")
    story.run(f"systemctl show -P MemoryCurrent -P TasksCurrent {UNIT}")
    resident = int(status["VmRSS"].split()[0])
    story.check(f"resident set when idle: {resident} kB, at most {IDLE_KILOBYTES} (of it anonymous: {status['RssAnon']})",
                resident <= IDLE_KILOBYTES)


def calls(story, lab, state):
    """Calls: IPv4 and IPv6, UDP and TCP"""
    for family in (4, 6):
        for transport in ("udp", "tcp"):
            with SystemScene(lab, family, transport) as scene:
                name = f"IPv{family}, SIP over {transport.upper()}"
                call, callee, media = scene.call(40000, 50000)
                story.holds(f"{name}: media passes both ways", media.assert_passes)
                story.holds(f"{name}: RTP and RTCP are open", scene.wait_open, 40000)
                if (family, transport) == (4, "udp"):
                    show_what_an_operator_sees(story, call)
                hang_up(call, callee)
                story.holds(f"{name}: closed after the BYE", scene.wait_closed)
                story.holds(f"{name}: media is blocked after the BYE", media.assert_inbound_blocked)


def show_what_an_operator_sees(story, call):
    """The commands that look, and what each must say of this call."""
    media = "10.1.2.10:40000"
    looks = {
        "status": ("calls        1", "pinholes     2", "queue 200    0 waiting"),
        "calls": (call.call_id, media),
        "pinholes": (media, "203.0.113.30"),
        f"explain {call.call_id}": (media, "INVITE"),
        "events": (call.call_id, "open"),
        "metrics | grep -v ^# | head -n 12": ("messenger_alg_calls 1",),
    }
    for command, expected in looks.items():
        status, output = story.run(f"messenger-algctl {command}")
        missing = [text for text in expected if text not in output]
        story.check(f"messenger-algctl {command.split()[0]} tells of it", status == 0 and not missing, missing)
    story.run("nft list set inet messenger_alg pinholes4")
    show_the_checks(story)


def show_the_checks(story):
    """The commands that try calls of their own, beside the one that stands. There is no default route here, so they are told
    the way out."""
    checks = {
        "doctor": ("Calls pass: they were tried through a copy of the live rules.",),
        "selftest": ("ok    udp  RTP from the peer to the inside host, sent first", "ok    tcp  BYE and its answer",
                     "IPv6 from", "Everything is as it should be."),
    }
    for command, expected in checks.items():
        status, output = story.run(f"messenger-algctl {command} --outside-interface outside")
        missing = [text for text in expected if text not in output]
        story.check(f"messenger-algctl {command} says that calls pass", status == 0 and not missing, missing or output)


def reload(story, lab, state):
    """The configuration is read again in mid-call"""
    with SystemScene(lab) as scene:
        call, callee, media = scene.call(40002, 50002)
        pid = unit_property("MainPID")
        good = CONFIG.read_text()
        CONFIG.write_text(good.replace('#level = "info"', 'level = "debug"'))
        story.check("systemctl reload", story.run("systemctl reload messenger-alg")[0] == 0)
        wait_until(lambda: "hold from now on" in journal(), 5, "the reload")
        story.holds("the call goes on", media.assert_passes)
        CONFIG.write_text(good + "\n[nonsense]\nx = 1\n")
        story.run("systemctl reload messenger-alg")
        wait_until(lambda: "the old configuration holds" in journal(), 5, "the refused reload")
        story.run("journalctl -u messenger-alg -o cat --no-pager -n 3")
        CONFIG.write_text(good)
        story.holds("with a wrong configuration, too", media.assert_passes)
        story.check("it is the same process", unit_property("MainPID") == pid and unit_property("ActiveState") == "active")
        hang_up(call, callee)
        story.holds("the BYE closes", scene.wait_closed)


def firewall_reload(story, lab, state):
    """The operator reloads the firewall in mid-call, which flushes every table"""
    with SystemScene(lab) as scene:
        call, callee, media = scene.call(40004, 50004)
        story.run("systemctl reload nftables")
        story.holds("the table is back with its pinholes", scene.wait_open, 40004)
        story.holds("the call goes on", media.assert_passes)
        hang_up(call, callee)
        story.holds("the BYE closes", scene.wait_closed)


def lost(media, before):
    inbound, outbound = media.counts()
    return (media.inbound.sent - before[0]) - (inbound - before[2]), (media.outbound.sent - before[1]) - (outbound - before[3])


def replace_package(story, media, what, package):
    pid = unit_property("MainPID")
    before = (media.inbound.sent, media.outbound.sent, *media.counts())
    with Running([media.inbound, media.outbound]) as running:
        running.wait_sent(20)
        status, _ = story.run(f"apt-get install -y --no-install-recommends --allow-downgrades {HERE}/{package}")
        running.wait_sent(20)
    story.check(f"apt {what} it", status == 0)
    story.check("it is a new process", unit_property("MainPID") != pid and unit_property("ActiveState") == "active")
    story.check(f"of {media.inbound.sent - before[0]} and {media.outbound.sent - before[1]} media packets none was lost",
                lost(media, before) == (0, 0), lost(media, before))


def upgrade(story, lab, state):
    """The package is upgraded in mid-call, and downgraded again"""
    with SystemScene(lab) as scene:
        call, callee, media = scene.call(40006, 50006)
        story.holds("media passes both ways", media.assert_passes)
        for what, package in (("upgrades", "upgrade.deb"), ("downgrades", "messenger-alg.deb")):
            replace_package(story, media, what, package)
        # RTCP, which nobody sent here, has a minute to begin; a slow upgrade takes longer.
        story.check("its pinhole is still there", (lab.inside.ip4, 40006) in open_ports(lab.gateway), open_ports(lab.gateway))
        hang_up(call, callee)
        story.holds("a BYE after the upgrade closes", scene.wait_closed)
        story.holds("media is blocked after the BYE", media.assert_inbound_blocked)


def call_during_restart(story, lab, state):
    """A call is set up while the daemon restarts: its messages wait for the new one"""
    # The gap between the two daemons is made long enough to have a call in it.
    with_drop_in("[Service]\nExecStartPre=/bin/sleep 3\n")
    story.run("systemctl restart messenger-alg", show=False)
    try:
        with SystemScene(lab) as scene:
            caller, callee = scene.agent(lab.inside), scene.agent(lab.peer)
            media = scene.media(40008, 50008)
            story.run("systemctl restart --no-block messenger-alg")
            wait_until(lambda: unit_property("SubState") == "start-pre", 10, "the gap", 0.1)
            story.check("one queue socket is in systemd's keeping", unit_property("NFileDescriptorStore") == "1")
            call, _ = establish_slowly(caller, callee, sdp(caller.address[0], audio(40008)), sdp(callee.address[0], audio(50008)))
            story.check("the messages came through the new daemon", re.search(r"^[1-9][0-9]* packets had waited for this start", journal(), re.MULTILINE))
            story.holds("pinholes are open", scene.wait_open, 40008)
            story.holds("media passes both ways", media.assert_passes)
            hang_up(call, callee)
            story.holds("the BYE closes", scene.wait_closed)
    finally:
        without_drop_in()


def answer_until_heard(caller, callee, invite, answer):
    """The new daemon makes its table anew, and what is queued at that moment is lost; so a 200 is repeated (RFC 3261, 13.3.1.4)."""
    for attempt in range(10):
        callee.reply(invite, 200, answer, tag="u1")
        try:
            return caller.receive(200, 2)
        except AssertionError:
            if attempt == 9:
                raise


def establish_slowly(caller, callee, offer, answer):
    out = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    out.request("INVITE", offer)
    invite = callee.receive("INVITE", 20)
    out.ack(answer_until_heard(caller, callee, invite, answer))
    callee.receive("ACK", 20)
    return out, Call.incoming(callee, invite, "u1")


def stop(story, lab, state):
    """The service is stopped: SIP passes unread, nothing new opens, running calls go on"""
    with SystemScene(lab) as scene:
        call, callee, media = scene.call(40010, 50010)
        story.check("systemctl stop", story.run("systemctl stop messenger-alg")[0] == 0)
        story.check("no socket is kept", unit_property("NFileDescriptorStore") in ("0", ""))
        story.holds("the call goes on", media.assert_passes)
        other = scene.media(40012, 50012, inside=lab.inside2)
        caller, third = scene.agent(lab.inside2), scene.agent(lab.third)
        story.holds("another call is signalled", establish, caller, third, sdp(caller.address[0], audio(40012)),
                    sdp(third.address[0], audio(50012)))
        story.holds("and its media is blocked", other.assert_inbound_blocked)
        story.check("systemctl start", story.run("systemctl start messenger-alg")[0] == 0)
        story.holds("the first call goes on", media.assert_passes)
        hang_up(call, callee)
        story.holds("the BYE closes", scene.wait_closed)


def crash(story, lab, state):
    """It is killed, and it hangs: systemd starts it again, the call goes on"""
    with_drop_in("[Service]\nWatchdogSec=4\n")
    story.run("systemctl restart messenger-alg", show=False)
    try:
        with SystemScene(lab) as scene:
            call, callee, media = scene.call(40014, 50014)
            for name, number in (("SIGKILL", signal.SIGKILL), ("SIGSTOP", signal.SIGSTOP)):
                pid = unit_property("MainPID")
                os.kill(int(pid), number)
                wait_until(lambda: unit_property("MainPID") not in (pid, "0") and unit_property("ActiveState") == "active", 60,
                           "a new process", 0.3)
                story.holds(f"after {name} the pinholes are there", scene.wait_open, 40014)
                story.holds(f"after {name} media passes", media.assert_passes)
            story.run("journalctl -u messenger-alg --no-pager -o cat -n 12")
            hang_up(call, callee)
            story.holds("the BYE closes", scene.wait_closed)
    finally:
        without_drop_in()
        story.run("systemctl restart messenger-alg", show=False)


def nothing_left_open(story, lab, state):
    """After all of it, nothing is open and nothing went wrong"""
    story.check("no pinhole is open", not pinholes(lab.gateway), open_ports(lab.gateway))
    time.sleep(1)
    bad = [line for line in journal().splitlines() if "fatal" in line.lower() or "failed:" in line.lower()]
    story.note("\n".join(bad))
    denied = story.run("journalctl -k --no-pager -o cat | grep type=1326")[1]
    story.check("no process was killed for a system call", not denied.strip())


CHAPTERS = (native_queue, sandbox, calls, reload, firewall_reload, upgrade, call_during_restart, stop, crash, nothing_left_open)
