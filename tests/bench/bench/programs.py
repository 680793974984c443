# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs of the bench: built, found, started in hosts of the lab."""

import contextlib
import json
import os
import subprocess
from pathlib import Path

from bench import processors

ROOT = Path(__file__).resolve().parents[3]
# Whatever a program was told to do takes seconds, and it says so if it cannot.
PATIENCE = 300


class ProgramFailed(Exception):
    """The text says which, and what it said."""


def build():
    """Everything as it is shipped, and the programs of the bench; nothing if $MESSENGER_BUILD names a folder that has
    them."""
    if os.environ.get("MESSENGER_BUILD"):
        return
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if _has("ccache") else []
    for command in (["tests/install-packages", "build", "lab", "bench"],
                    ["cmake", "--preset", "bench", *launcher],
                    ["cmake", "--build", "--preset", "bench", "-j", str(os.cpu_count())]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise ProgramFailed(f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    # Where the lab looks for the daemon.
    os.environ["MESSENGER_BUILD"] = str(ROOT / "build" / "bench")


def _has(name):
    return any((Path(folder) / name).exists() for folder in os.environ["PATH"].split(":"))


def folder():
    return Path(os.environ["MESSENGER_BUILD"])


def find(name):
    path = folder() / "tests" / "bench" / name
    if not path.is_file():
        raise ProgramFailed(f"{path} is not built: cmake --preset bench && cmake --build --preset bench")
    return path


def _arguments(options):
    """seconds=2 -> --seconds 2; leave=True -> --leave."""
    words = []
    for key, value in options.items():
        name = "--" + key.replace("_", "-")
        if value is True:
            words.append(name)
        elif value is not False and value is not None:
            words += [name, str(value)]
    return words


class Load:
    """A generator at work, between an inside and an outside host."""

    def __init__(self, name, inside, outside, **options):
        self._name = name
        command = [find(name), "--inside", inside.name, "--outside", outside.name, *_arguments(options)]
        self._process = inside.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def result(self):
        """What it found out, when it is done."""
        try:
            output, errors = self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise ProgramFailed(f"{self._name} did not end within {PATIENCE} s") from None
        if self._process.returncode:
            raise ProgramFailed(f"{self._name}: status {self._process.returncode}: {errors}")
        return json.loads(output.splitlines()[-1])


def load(name, inside, outside, **options):
    return Load(name, inside, outside, **options).result()


@contextlib.contextmanager
def bare_queue(host, queues, batch=1, hand_over=False, processor=None):
    """Runs inside the block; yields the PIDs of its processes."""
    words = [word for queue in queues for word in ("--queue", str(queue))]
    words += ["--batch", str(batch)] + ["--hand-over"] * hand_over
    process = host.popen([find("bare_queue"), *words], stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout.readline() != "ready\n":
            raise ProgramFailed("bare_queue did not start")
        pids = [process.pid, *processors.children(process.pid)]
        for pid in pids:
            processors.put_on(pid, processor)
        yield pids
        if process.poll() is not None:
            raise ProgramFailed(f"bare_queue ended with status {process.returncode}")
    finally:
        process.kill()
        process.communicate()
