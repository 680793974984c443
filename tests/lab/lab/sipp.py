# SPDX-License-Identifier: GPL-2.0-or-later
"""sipp as caller and as called side. It does the signalling; the media of its calls is sent and counted by lab.media."""

import signal
import subprocess
from pathlib import Path

from lab.namespaces import wait_until

SCENARIOS = Path(__file__).resolve().parents[1] / "sipp"
# sipp binds -mp itself, so the scenarios announce ports this much above it, which are ours to bind.
SIPP_MEDIA = 20000
MEDIA_BASE = SIPP_MEDIA + 10000


def media_port(call):
    """The RTP port that both scenarios announce for a call; calls are counted from 0."""
    return MEDIA_BASE + 4 * call


class Sipp:
    """One sipp process. log: where its own account of the run goes, read when it fails."""

    def __init__(self, lab, host, scenario, family, transport, *arguments):
        self._host = host
        self._name = f"sipp {scenario} on {host.host}"
        self._log = Path(lab.directory) / f"sipp-{scenario}-{host.host}"
        address = host.address(family)
        argv = ["sipp", "-sf", SCENARIOS / f"{scenario}.xml", "-i", address, "-mi", address, "-mp", SIPP_MEDIA]
        argv += ["-p", 5060, "-t", {"udp": "u1", "tcp": "t1"}[transport], "-nostdin", "-trace_err", "-max_socket", 1024]
        # A 180 that comes after its 200 is no reason to give a call up.
        argv += ["-default_behaviors", "all,-abortunexp"]
        argv += ["-error_file", f"{self._log}.errors", *arguments]
        with open(f"{self._log}.screen", "wb") as screen:
            self._process = host.popen(argv, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, cwd=lab.directory)

    def wait(self, seconds):
        """The end of all its calls, every one of them successful."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self._name} did not end within {seconds} s\n{self.account()}") from None
        assert status == 0, f"{self._name} ended with status {status}: some calls failed\n{self.account()}"

    def account(self):
        texts = []
        for suffix in ("errors", "screen"):
            path = Path(f"{self._log}.{suffix}")
            if path.exists():
                texts.append(path.read_text(errors="replace")[-3000:])
        return "\n".join(texts)

    def close(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def wait_listening(self, transport):
        def listening():
            assert self._process.poll() is None, f"{self._name} ended at once\n{self.account()}"
            return ":5060 " in self._host.run("ss", "-Hln", f"--{transport}")

        wait_until(listening, 5, f"{self._name} to listen")


def callee(lab, host, family, transport, calls):
    made = Sipp(lab, host, "uas", family, transport, "-m", calls)
    made.wait_listening(transport)
    return made


def caller(lab, host, family, transport, calls, talk_ms, to, proxy=None, rate=100):
    """to: the Host called. proxy: a Host that the requests are sent to. All calls overlap if talk_ms is long enough."""
    uri = to.address(family)
    uri = (f"[{uri}]" if family == 6 else uri) + ":5060"
    next_hop = (proxy or to).address(family)
    next_hop = (f"[{next_hop}]" if family == 6 else next_hop) + ":5060"
    arguments = ["-m", calls, "-l", calls, "-r", rate, "-key", "callee", uri, "-d", talk_ms]
    return Sipp(lab, host, "uac", family, transport, *arguments, next_hop)
