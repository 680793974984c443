# SPDX-License-Identifier: GPL-2.0-or-later
"""Time of processors: who has had how much, and who runs where."""

import os
from pathlib import Path

NANOSECOND = 1e-9


def _of_tasks(pid):
    """Nanoseconds that a process has been on a processor, by the scheduler's own clock; what the kernel does for it
    is in it."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())


def _softirq_threads():
    """Where the kernel forwards packets when there are too many of them to do it in passing."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if (folder / "comm").read_text().startswith("ksoftirqd/"):
                    found.append(int(folder.name))
            except FileNotFoundError:
                pass
    return found


class Meter:
    """Seconds of processor that processes take, and the kernel's threads that forward packets with them.

    A packet that gets its verdict is forwarded in the context of who sends the verdict. That is so for the daemon and
    for everybody else who reads from NFQUEUE, and it is counted the same way for both.
    """

    def __init__(self, *pids):
        self._pids = (*pids, *_softirq_threads())
        self._begun = self._now()

    def _now(self):
        return sum(map(_of_tasks, self._pids)) * NANOSECOND

    def seconds(self):
        return self._now() - self._begun


def children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def places():
    """(for what is measured, for who makes the load): a processor each; None where there is but one."""
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[-1]) if len(available) > 1 else (None, None)


def put_on(pid, processor):
    if processor is not None:
        os.sched_setaffinity(pid, {processor})
