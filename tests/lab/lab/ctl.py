# SPDX-License-Identifier: GPL-2.0-or-later
"""messenger-algctl, asked as an operator would."""

import json
import subprocess
import time

from lab.daemon import find_program

SECONDS = 10


class Ctl:
    """Asks the daemon of a scene."""

    def __init__(self, scene):
        self._program = find_program("ctl/messenger-algctl")
        self.socket = f"{scene.lab.directory}/control"

    def command(self, *arguments):
        return [str(self._program), *arguments, "--socket", self.socket]

    def try_run(self, *arguments, **options):
        """The finished process, whatever its status."""
        return subprocess.run(
            self.command(*arguments), capture_output=True, check=False, timeout=SECONDS, text=True, **options
        )

    def run(self, *arguments):
        """What it printed; it must end with status 0 and print nothing to standard error."""
        done = self.try_run(*arguments)
        assert done.returncode == 0 and not done.stderr, f"{arguments}: {done.returncode}: {done.stderr}"
        return done.stdout

    def json(self, *arguments):
        text = self.run(*arguments, "--json")
        assert text.count("\n") == 1 and text.isascii(), text
        return json.loads(text)

    def wait(self, condition, *arguments, seconds=5):
        """Asks until condition(answer) is true; returns that answer."""
        deadline = time.monotonic() + seconds
        while True:
            answer = self.json(*arguments)
            if condition(answer):
                return answer
            assert time.monotonic() < deadline, f"{arguments} still answers {answer}"
            time.sleep(0.1)
