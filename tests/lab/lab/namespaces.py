# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces: made with names of their own for each run, entered, and removed with every process in them.

A name is PREFIX-PID-HOST, PID being the process that made it. So runs at the same time do not meet, and what a killed run
left behind is known by its dead PID.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

PREFIX = "malab"
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def own_name(host):
    return f"{PREFIX}-{os.getpid()}-{host}"


class CommandFailed(Exception):
    """A command of the lab's own plumbing failed; the text says which and what it printed."""


def run(*argv, stdin=None):
    """Runs a command of the plumbing and returns what it printed; anything but exit status 0 is an exception."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True)
    if done.returncode:
        raise CommandFailed(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """One host of the lab."""

    def __init__(self, host):
        self.host = host
        self.name = own_name(host)
        run("ip", "netns", "add", self.name)

    def ip(self, *args):
        return run("ip", "-n", self.name, *args)

    def ip_batch(self, *commands):
        """Several `ip` commands by one process: a process for each was most of what a lab's start took."""
        run("ip", "-n", self.name, "-batch", "-", stdin="\n".join(commands))

    def run(self, *argv, stdin=None):
        # Not by `ip netns exec`, which mounts a /sys of its own each time: twice as slow, and nobody here reads that.
        with self.entered():
            return run(*argv, stdin=stdin)

    def popen(self, argv, **options):
        """Starts a process here that dies with this one, whatever becomes of us.

        The kernel ties that to the thread that forks, so only the main thread may start processes.
        """
        assert threading.current_thread() is threading.main_thread()
        with self.entered():
            return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *map(str, argv)], **options)

    @contextlib.contextmanager
    def entered(self):
        """Sockets that the calling thread makes inside the block belong to this namespace, for their whole life."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{self.name}", "rb") as here:
            _setns(here.fileno())
            try:
                yield self
            finally:
                _setns(home.fileno())

    def socket(self, family, kind, proto=0):
        with self.entered():
            return socket.socket(family, kind, proto)

    def remove(self):
        remove_by_name(self.name)


def remove_by_name(name):
    """Ends every process in the namespace and removes it. Its interfaces go with it."""
    listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
    for pid in map(int, listed.stdout.split()):
        if pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)


def _of_dead_run(name):
    parts = name.split("-")
    if len(parts) < 3 or parts[0] != PREFIX or not parts[1].isdigit():
        return False
    return not os.path.exists(f"/proc/{parts[1]}")


def remove_leftovers():
    """Removes the namespaces and temporary folders of runs whose process is gone."""
    for line in run("ip", "netns", "list").splitlines():
        name = line.split()[0] if line.strip() else ""
        if _of_dead_run(name):
            remove_by_name(name)
    temporary = tempfile.gettempdir()
    for name in filter(_of_dead_run, os.listdir(temporary)):
        shutil.rmtree(os.path.join(temporary, name), ignore_errors=True)


def wait_until(condition, seconds, what, step=0.02):
    """Polls until condition() is true and returns its value; TimeoutError names what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(step)
