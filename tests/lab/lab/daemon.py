# SPDX-License-Identifier: GPL-2.0-or-later
"""messenger-algd in the gateway: configured, started, waited for until it says it is ready, killed, started again."""

import json
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

from lab.firewall import PASSAGE_MARK, PASSAGE_MASK
from lab.topology import INSIDE_NETWORKS

ROOT = Path(__file__).resolve().parents[3]
READY_SECONDS = 15
WARDEN = "messenger-wardn"  # the kernel keeps 15 characters
# A command that runs the daemon, such as valgrind with its options; see ../under.
UNDER = shlex.split(os.environ.get("MESSENGER_UNDER", ""))
# What a sanitizer or valgrind says of a fault.
REPORT = re.compile(r"ERROR: \w+Sanitizer|runtime error:|lost in loss record|"
                    r"==\d+== (?:Invalid|Conditional|Use of|Syscall param|Mismatched)")


def find_program(name="messenger-algd"):
    """$MESSENGER_BUILD names a build folder; otherwise the newest of the presets without sanitizers."""
    if os.environ.get("MESSENGER_BUILD"):
        folders = [Path(os.environ["MESSENGER_BUILD"])]
    else:
        folders = [ROOT / "build" / preset for preset in ("release", "dev")]
    found = [folder / "daemon" / name for folder in folders if (folder / "daemon" / name).is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def config_text(directory, **changes):
    """The configuration of the tests as TOML. changes: "section.key" -> value, written over the defaults; None leaves out."""
    values = {
        "network.inside": list(INSIDE_NETWORKS),
        "sip.ports": [5060],
        "passage.mode": "admit",
        "log.level": "debug",
        "control.socket": f"{directory}/control",
    }
    if changes.get("passage.mode") == "mark":
        values.update({"passage.mark": PASSAGE_MARK, "passage.mark_mask": PASSAGE_MASK})
    values.update(changes)
    sections = {}
    for key, value in values.items():
        if value is not None:
            section, _, name = key.rpartition(".")
            # JSON's strings, numbers, booleans and lists are TOML's as well.
            sections.setdefault(section, []).append(f"{name} = {json.dumps(value)}")
    return "\n".join(f"[{section}]\n" + "\n".join(lines) + "\n" for section, lines in sections.items())


class Daemon:
    """log: everything every start has written to stderr."""

    def __init__(self, lab, config=None, program=None):
        self._gateway = lab.gateway
        self._program = program or find_program()
        assert self._program, "messenger-algd is not built: cmake --preset dev && cmake --build --preset dev"
        self._config = Path(lab.directory) / "messenger-alg.toml"
        self._directory = lab.directory
        self._settings = dict(config or {})
        self.configure({})
        self._log = Path(lab.directory) / "messenger-algd.log"
        self._log.touch()
        self._notify_path = f"{lab.directory}/notify"
        self._process = None

    def configure(self, changes):
        """Other settings, from the next start() on."""
        self._settings.update(changes)
        self._config.write_text(config_text(self._directory, **self._settings))

    @property
    def program(self):
        return self._program

    @property
    def pid(self):
        return self._process.pid

    @property
    def pids(self):
        """The daemon's own, then those of its children: its warden, and who writes the metrics."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def warden(self):
        """The process that keeps CAP_NET_ADMIN."""
        names = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in self.pids}
        return next(pid for pid, name in names.items() if name == WARDEN)

    @property
    def log(self):
        return self._log.read_text(errors="replace")

    def start(self, user=None, through=()):
        """user: by number, with CAP_NET_ADMIN and nothing else, as the unit starts it; else as root. through: the words of a
        command that becomes the daemon in the end, such as unshare(1)."""
        assert self._process is None
        as_user = []
        if user is not None:
            only = ["--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin", "--bounding-set=-all,+net_admin"]
            as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *only, "--"]
            os.chmod(self._config.parent, 0o755)
            os.chown(self._config.parent, user, user)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
            Path(self._notify_path).unlink(missing_ok=True)
            notify.bind(self._notify_path)
            os.chmod(self._notify_path, 0o777)
            with self._log.open("ab") as log:
                self._process = self._gateway.popen(
                    [*through, *as_user, *UNDER, self._program, "--config", self._config],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "NOTIFY_SOCKET": self._notify_path},
                )
            try:
                self._wait_ready(notify)
            except BaseException:
                self._end(signal.SIGKILL)
                raise
        return self

    def _wait_ready(self, notify):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if select.select([notify], [], [], 0.05)[0]:
                if b"READY=1" in notify.recv(4096).split(b"\n"):
                    return
            elif self._process.poll() is not None:
                raise AssertionError(f"messenger-algd ended with status {self._process.returncode}:\n{self.log}")
        raise AssertionError(f"messenger-algd did not say READY=1 within {READY_SECONDS} s:\n{self.log}")

    def _end(self, signal_number):
        """Until none of its processes is there: the queue is the warden's as well, and bypassed only when both have let it go."""
        others = [os.pidfd_open(pid) for pid in self.pids[1:]] if self.alive() else []
        process, self._process = self._process, None
        process.send_signal(signal_number)
        try:
            status = process.wait(10)
            for other in others:
                assert select.select([other], [], [], 5)[0], "a process of messenger-algd outlives it"
            return status
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"messenger-algd did not end on signal {signal_number}:\n{self.log}") from None
        finally:
            for other in others:
                os.close(other)

    def stop(self):
        """An orderly stop; the daemon must end with status 0."""
        if self._process:
            status = self._end(signal.SIGTERM)
            assert status == 0, f"messenger-algd ended with status {status}:\n{self.log}"

    def kill(self):
        """kill -9."""
        self._end(signal.SIGKILL)

    def close(self):
        """In order, if it still runs, for that is when leaks are found; and nothing may have been found before."""
        if self.alive():
            self._process.send_signal(signal.SIGCONT)  # a test may have stopped it
            self.stop()
        elif self._process:
            self._end(signal.SIGKILL)
        report = REPORT.search(self.log)
        assert not report, f"a fault in messenger-algd: {self.log[report.start():][:6000]}"

    def usage(self):
        """CPU seconds used since the start by all its processes, and resident memory of its own in KiB."""
        ticks = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])  # utime and stime, proc_pid_stat(5)
        resident = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return ticks / os.sysconf("SC_CLK_TCK"), resident * os.sysconf("SC_PAGE_SIZE") // 1024

    def alive(self):
        return self._process is not None and self._process.poll() is None
