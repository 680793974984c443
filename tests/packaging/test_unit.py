# SPDX-License-Identifier: GPL-2.0-or-later
"""The unit: how exposed systemd thinks it is, and that it lets the daemon do what the daemon allows itself."""

import re
import shutil
import subprocess

import pytest

MOST_EXPOSURE = 1.5
# What giving the control socket to a group, giving up capabilities and installing the daemon's own filter take, before that
# filter is there.
NEEDED_AT_START = {"bind", "capset", "chmod", "chown", "execve", "prctl", "seccomp"}
# And what the process takes that writes the numbers to a file, which has the unit's filter alone.
NEEDED_BY_THE_TEXTFILE = {"clone", "close_range", "dup2", "fchmod", "openat", "rename", "socketpair", "wait4"}


@pytest.fixture(scope="module")
def unit(build):
    path = build / "packaging" / "messenger-alg.service"
    assert "@" not in path.read_text().replace("@system-service", "").replace("~@", "").replace(" @", "")
    return path


@pytest.fixture(scope="module")
def settings(unit):
    """Directive -> its values, in order; an empty value forgets those before, as systemd has it."""
    found = {}
    for line in unit.read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith(("#", "[")):
            found.setdefault(name, []).append(value)
    return found


def systemd_analyze(*arguments):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_exposure_is_low(unit):
    said = systemd_analyze("security", "--offline=true", unit)
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert score, said
    weak = "\n".join(line for line in said.splitlines() if line.startswith("✗"))
    assert float(score[1]) <= MOST_EXPOSURE, f"{score[0]}\n{weak}"
    print(score[0])


def test_systemd_understands_the_unit(unit, tmp_path):
    """A setting with a typing error would be left out silently."""
    program = tmp_path / "messenger-algd"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / unit.name
    copy.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={program}", unit.read_text(), flags=re.MULTILINE))
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", "--man=no", "verify", copy], capture_output=True, text=True)
    # What other units of this machine say is not ours.
    said = [line for line in done.stderr.splitlines() if unit.name in line]
    assert not said and done.returncode == 0, done.stderr


def test_the_manager_knows_when_it_runs_hangs_reloads_and_restarts(settings):
    assert settings["Type"] == ["notify"]
    assert settings["WatchdogSec"] == ["30"]
    assert settings["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert settings["Restart"] == ["on-failure"] and set(settings["RestartPreventExitStatus"][0].split()) == {"2", "78"}
    # One socket has all queues.
    assert int(settings["FileDescriptorStoreMax"][0]) >= 1
    assert settings["RuntimeDirectory"] == ["messenger-alg"] and settings["RuntimeDirectoryPreserve"] == ["restart"]


def members(name, seen=()):
    """The system calls of a group, or the call itself."""
    if not name.startswith("@"):
        return {name}
    assert name not in seen
    found = set()
    for line in systemd_analyze("syscall-filter", name).splitlines()[1:]:
        line = line.strip()
        if line and not line.startswith("#"):
            found |= members(line, (*seen, name))
    return found


def allowed_by_the_unit(settings):
    allowed = set()
    for value in settings["SystemCallFilter"]:
        names = set().union(*(members(name) for name in value.lstrip("~").split()))
        allowed = allowed - names if value.startswith("~") else allowed | names
    return allowed


def allowed_by_the_daemon(root):
    source = (root / "daemon" / "process" / "syscall_filter.cpp").read_text()
    always = source[source.index("kAllowed") : source.index("kDeadly")]
    by_argument = source[source.index("void allow_calls_by_argument") :]
    return set(re.findall(r"SCMP_SYS\((\w+)\)", always)) | set(re.findall(r"allow_if\(SCMP_SYS\((\w+)\)", by_argument))


def test_the_unit_allows_what_the_daemon_allows_itself(settings, root):
    own = allowed_by_the_daemon(root)
    assert len(own) > 50
    # Pipes are for the sanitizers of test builds, which no unit starts.
    assert (own | NEEDED_AT_START | NEEDED_BY_THE_TEXTFILE) - allowed_by_the_unit(settings) == {"pipe", "pipe2"}


def test_the_unit_grants_one_capability(settings):
    assert settings["CapabilityBoundingSet"] == settings["AmbientCapabilities"] == ["CAP_NET_ADMIN"]
    assert settings["PrivateUsers"] == ["no"], "inside a user namespace CAP_NET_ADMIN is worth nothing"
    assert settings["User"] == ["messenger-alg"]


def test_the_daemon_may_read_what_the_kernel_counts(settings, root):
    """Under the unit it never is root."""
    before = [value for value in settings["ExecStartPre"] if "chgrp" in value]
    assert before == [f"-+/bin/chgrp {settings['Group'][0]} /proc/net/netfilter/nfnetlink_queue"]
    assert settings["ProcSubset"] == ["all"], "with pid, nothing below a folder of /proc/net can be opened"
    assert '"/proc/net/netfilter/nfnetlink_queue"' in (root / "daemon" / "queue" / "queue_statistics.h").read_text()


def test_the_user_of_the_unit_is_made(settings, root):
    made = (root / "packaging" / "systemd" / "messenger-alg.sysusers").read_text()
    assert re.search(rf"^u {settings['User'][0]} ", made, re.MULTILINE)


def test_the_unit_waits_for_the_firewalls(settings):
    after = set(" ".join(settings["After"]).split())
    assert {"nftables.service", "firewalld.service", "ufw.service", "docker.service", "network-pre.target"} <= after
