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
from pathlib import Path

import nftables

PREFIX = "malab"
NAMES = Path("/run/netns")  # of iproute2: `ip netns` and `ip -n` know what is there
FD_SETSIZE = 1024
MOST_OTHERS = 32  # descriptors that other threads may take meanwhile
CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MNT_DETACH = 0x2
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


def _must(done, what):
    if done:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


@contextlib.contextmanager
def _and_back():
    """The calling thread may leave its network namespace inside the block, and is back in it afterwards."""
    with open("/proc/thread-self/ns/net", "rb") as home:
        try:
            yield
        finally:
            _must(_libc.setns(home.fileno(), CLONE_NEWNET), "setns")


def give_name(name):
    """As `ip netns attach`: the calling thread's namespace gets a name, which keeps it alive."""
    NAMES.mkdir(mode=0o755, exist_ok=True)
    (NAMES / name).touch(mode=0o444, exist_ok=False)
    _must(_libc.mount(b"/proc/thread-self/ns/net", bytes(NAMES / name), b"none", MS_BIND, None), "mount")


class Namespace:
    """One host of the lab. Made, entered and removed by system calls: `ip netns` is a process each time, and those were a
    quarter of the lab's time."""

    def __init__(self, host):
        self.host = host
        self.name = own_name(host)
        with _and_back():
            _must(_libc.unshare(CLONE_NEWNET), "unshare")
            give_name(self.name)

    def ip(self, *args):
        return self.run("ip", *args)

    def ip_batch(self, *commands):
        """Several `ip` commands by one process: a process for each was most of what a lab's start took."""
        self.run("ip", "-batch", "-", stdin="\n".join(commands))

    def run(self, *argv, stdin=None):
        # Not by `ip netns exec` or `ip -n`, which mount a /sys of their own each time: slower, and nobody here reads that.
        with self.entered():
            return run(*argv, stdin=stdin)

    def nft(self, commands, as_json=False):
        """What `nft` prints, by nft's own library: the lab asks so often that processes for it were a quarter of its time."""
        with self.entered() as here, open(os.devnull, "rb") as next_descriptor:
            if next_descriptor.fileno() >= FD_SETSIZE - MOST_OTHERS:  # it waits with select(2)
                return here.run("nft", *(["-j"] if as_json else []), commands)
            library = nftables.Nftables()  # not kept: its socket would keep the namespace alive
            library.set_json_output(as_json)
            status, printed, error = library.cmd(commands)
        if status:
            raise CommandFailed(f"nft {commands}: {error.strip()}")
        return printed

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
        with open(NAMES / self.name, "rb") as here, _and_back():
            _must(_libc.setns(here.fileno(), CLONE_NEWNET), "setns")
            yield self

    def socket(self, family, kind, proto=0):
        with self.entered():
            return socket.socket(family, kind, proto)


def _inode(path):
    """Of the namespace there; 0 if there is none, or none any more."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def remove(names):
    """Ends every process in these namespaces and removes them. Their interfaces go with them. Of our own only the name goes."""
    doomed = {_inode(NAMES / name) for name in names} - {_inode("/proc/self/ns/net"), 0}
    for process in filter(str.isdigit, os.listdir("/proc")):
        if _inode(f"/proc/{process}/ns/net") in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
    for name in names:
        _libc.umount2(bytes(NAMES / name), MNT_DETACH)
        (NAMES / name).unlink(missing_ok=True)


def _of_dead_run(name):
    parts = name.split("-")
    if len(parts) < 3 or parts[0] != PREFIX or not parts[1].isdigit():
        return False
    return not os.path.exists(f"/proc/{parts[1]}")


def remove_leftovers():
    """Removes the namespaces and temporary folders of runs whose process is gone."""
    left = list(filter(_of_dead_run, os.listdir(NAMES))) if NAMES.is_dir() else []
    if left:
        remove(left)
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
