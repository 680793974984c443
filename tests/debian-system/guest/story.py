# SPDX-License-Identifier: GPL-2.0-or-later
"""The transcript: chapters, commands with what they printed, findings; and the counts at its end."""

import subprocess
import time

LINES_SHOWN = 25


class Story:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self._chapter = 0
        self._began = time.monotonic()

    def chapter(self, title):
        self._chapter += 1
        print(f"\n{self._chapter}. {title}   [{time.monotonic() - self._began:.0f} s]", flush=True)

    def note(self, text):
        for line in text.rstrip().splitlines():
            print(f"   | {line}"[:180], flush=True)

    def run(self, command, show=True, seconds=240):
        """A command as an operator types it. Returns exit status and all that it printed."""
        print(f"   # {command}", flush=True)
        done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds,
                              stdin=subprocess.DEVNULL, errors="replace")
        lines = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("(Reading database")]
        if show:
            if len(lines) > LINES_SHOWN:
                left = len(lines) - LINES_SHOWN
                lines = [*lines[: LINES_SHOWN // 2], f"... {left} lines more ...", *lines[-LINES_SHOWN // 2 :]]
            self.note("\n".join(lines))
            if done.returncode:
                self.note(f"(exit status {done.returncode})")
        return done.returncode, done.stdout

    def check(self, text, right, detail=""):
        if right:
            self.passed += 1
        else:
            self.failed.append(text)
        print(f"   {'ok   ' if right else 'WRONG'} {text}", flush=True)
        if not right and detail:
            self.note(str(detail))
        return bool(right)

    def holds(self, text, assertion, *arguments):
        """A finding that is an assertion of the lab."""
        try:
            assertion(*arguments)
        except Exception as failure:  # noqa: BLE001: whatever it was, the other findings are still worth having
            return self.check(text, False, f"{type(failure).__name__}: {failure}")
        return self.check(text, True)

    def tell(self, chapters, *arguments, on_failure=None):
        """Each chapter is told, even when one before it broke off."""
        for chapter in chapters:
            self.chapter(chapter.__doc__.strip())
            failed_before = len(self.failed)
            try:
                chapter(self, *arguments)
            except Exception as failure:  # noqa: BLE001
                self.check(f"the chapter comes to its end ({chapter.__name__})", False, f"{type(failure).__name__}: {failure}")
            if on_failure and len(self.failed) > failed_before:
                self.note(on_failure())

    def summary(self):
        for text in self.failed:
            print(f"failed: {text}")
        return f"{self.passed} passed, {len(self.failed)} failed"
